/* @cpu, @clock and @memory: one line of JSON about this machine or container. */
#include "clock.h"
#include "cpu.h"
#include "files.h"
#include "limits.h"
#include "log.h"
#include "mem.h"
#include "verbs.h"

int verb_cpu(struct init *init)
{
	char room[1024];
	struct text line = text_over(room, sizeof(room));
	struct limits limits;
	struct cpu cpu;

	if (!verb_options(init, NULL, 0, NULL))
		return EXIT_USAGE;
	cpu_read(&cpu);
	text_add(&line, "{\"words\":[");
	for (u32 i = 0; i < CPU_WORDS; i++) {
		text_add(&line, i ? ",\"" : "\"");
		text_add_hex(&line, cpu.words[i]);
		text_add(&line, "\"");
	}
	limits_read(&limits);
	text_add(&line, "],\"processors\":");
	text_add_number(&line, limits.processors);
	text_add(&line, ",\"xcr0\":\"");
	text_add_hex(&line, cpu.xcr0);
	text_add(&line, "\",\"vendor\":");
	text_add_json(&line, cpu.vendor);
	text_add(&line, ",\"brand\":");
	text_add_json(&line, cpu.brand);
	text_add(&line, "}");
	log_line(1, &line);
	return 0;
}

int verb_clock(struct init *init)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));

	if (!verb_options(init, NULL, 0, NULL))
		return EXIT_USAGE;
	text_add(&line, "{\"monotonicNs\":");
	text_add_number(&line, clock_ns(CLOCK_MONOTONIC));
	text_add(&line, ",\"boottimeNs\":");
	text_add_number(&line, clock_ns(CLOCK_BOOTTIME));
	text_add(&line, "}");
	log_line(1, &line);
	return 0;
}

struct memory {
	u64 rss;
	u64 pss;
	u64 private_dirty;
	u64 processes;
};

static struct text proc_path(char *room, usize size, const char *process, const char *file)
{
	struct text path = text_over(room, size);

	text_add(&path, "/proc/");
	text_add(&path, process);
	text_add(&path, file);
	return path;
}

/* Whether both run the same program. Where the link cannot be read, the names decide, which all may read. */
static bool same_program(const char *left, const char *right)
{
	char path[64];
	char targets[2][PATH_ROOM];
	const char *const processes[2] = {left, right};
	bool linked = true;

	for (int i = 0; i < 2; i++) {
		long size;

		proc_path(path, sizeof(path), processes[i], "/exe");
		size = sys_readlinkat(AT_FDCWD, path, targets[i], sizeof(targets[i]) - 1);
		linked = linked && size >= 0;
		targets[i][size < 0 ? 0 : size] = 0;
	}
	for (int i = 0; i < 2 && !linked; i++) {
		proc_path(path, sizeof(path), processes[i], "/comm");
		read_file(path, targets[i], sizeof(targets[i]));
	}
	return targets[0][0] && text_equal(targets[0], targets[1]);
}

/* "Rss:    1234 kB" at the start of a line. */
static u64 kilobytes_of(const char *lines, const char *key)
{
	const char *at = lines;
	u64 number = 0;

	while (*at && !text_begins(at, key)) {
		while (*at && *at++ != '\n')
			;
	}
	if (!*at)
		return 0;
	for (at += text_length(key); *at == ' ' || *at == '\t'; at++)
		;
	for (; *at >= '0' && *at <= '9'; at++)
		number = number * 10 + (u64)(*at - '0');
	return number * 1024;
}

static int add_process(const char *process, struct memory *sum)
{
	char path[64];
	char lines[2048];
	long size;

	proc_path(path, sizeof(path), process, "/smaps_rollup");
	size = read_file(path, lines, sizeof(lines));
	/* It has ended since, or has no memory: a kernel thread or a zombie. */
	if (size == 0 || size == -ESRCH || size == -ENOENT)
		return 0;
	if (size < 0)
		return (int)size;
	sum->rss += kilobytes_of(lines, "Rss:");
	sum->pss += kilobytes_of(lines, "Pss:");
	sum->private_dirty += kilobytes_of(lines, "Private_Dirty:");
	sum->processes++;
	return 0;
}

static int add_processes(struct memory *sum)
{
	char buffer[4096] __attribute__((aligned(8)));
	int proc = sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	bool skip_first = same_program("1", "self");
	u32 self = (u32)sys_getpid();
	int error = proc < 0 ? proc : 0;
	long size;

	while (!error && (size = sys_getdents64(proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size && !error;) {
			const struct directory_entry *entry = (const void *)(buffer + at);
			u32 id = pid_of_name(entry->name);

			if (id && id != self && !(id == 1 && skip_first))
				error = add_process(entry->name, sum);
			at += entry->size;
		}
	}
	if (proc >= 0)
		sys_close(proc);
	return error;
}

int verb_memory(struct init *init)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));
	struct memory sum = {0};
	int error;

	if (!verb_options(init, NULL, 0, NULL))
		return EXIT_USAGE;
	error = add_processes(&sum);
	if (error) {
		log_problem("the memory of a process cannot be read", NULL, error);
		return 1;
	}
	text_add(&line, "{\"rssBytes\":");
	text_add_number(&line, sum.rss);
	text_add(&line, ",\"pssBytes\":");
	text_add_number(&line, sum.pss);
	text_add(&line, ",\"privateDirtyBytes\":");
	text_add_number(&line, sum.private_dirty);
	text_add(&line, ",\"processes\":");
	text_add_number(&line, sum.processes);
	text_add(&line, "}");
	log_line(1, &line);
	return 0;
}
