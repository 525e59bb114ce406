/*
 * Unmodified CRIU 4.2 from the bundle in the image, started through the bundle's own loader, so that nothing of the image is needed.
 */
#include "capabilities.h"
#include "clock.h"
#include "criu_log.h"
#include "criu_run.h"
#include "environment.h"
#include "files.h"
#include "generation.h"
#include "log.h"
#include "mem.h"
#include "paths.h"
#include "process.h"

/* CRIU finds the container's streams under these numbers; its own 0 to 2 must not be theirs, or its words would get in there. */
#define FIRST_STREAM 10
#define STREAMS 3
/* Another file in the place of the one that the agent has mapped (criu/files-reg.c: open_path); a path there has no slash in front. */
#define GENERATION_FD 13
#define GENERATION_INHERITED "fd[13]:.crac-build/generation"
#define LOG_MAX (16u << 20)
#define KERNEL_CACHE_MAX 65536u

struct text criu_file(const struct criu_run *run, char room[CRIU_FILE_ROOM], const char *name)
{
	struct text path = text_over(room, CRIU_FILE_ROOM);

	text_add(&path, run->directory);
	text_add(&path, "/");
	text_add(&path, name);
	return path;
}

static bool make_directory(struct criu_run *run, struct cold *cold)
{
	static const char *const parents[] = {"/dev/shm", "/run", "/tmp"};
	int error = 0;

	for (usize i = 0; i < ARRAY_COUNT(parents); i++) {
		/* Others may have taken a name in /dev/shm or /tmp; the directory has to be new. */
		for (u32 attempt = 0; attempt < 16; attempt++) {
			struct text path = text_over(run->directory, sizeof(run->directory));

			text_add(&path, parents[i]);
			text_add(&path, "/crac-build-");
			text_add_hex(&path, clock_ns(CLOCK_BOOTTIME));
			error = sys_mkdirat(AT_FDCWD, run->directory, 0700);
			if (!error)
				return true;
			if (error != -EEXIST)
				break;
		}
	}
	cold_because(cold, COLD_RESTORE, "no directory for CRIU can be made in /dev/shm, /run or /tmp: ");
	text_add_errno(&cold->reason, error);
	return false;
}

/* What CRIU would find out about this kernel is put where it looks: finding it out takes longer than many a restore. */
static void place_kernel_cache(const struct criu_run *run)
{
	const struct record *record = &run->init->record;
	char now_room[2 * UTSNAME_ROOM];
	char path_room[CRIU_FILE_ROOM];
	struct text now = text_over(now_room, sizeof(now_room));
	struct capabilities own;
	struct utsname name;
	struct mapping cache;
	int fd;

	if (!record->header->kernel.size || sys_uname(&name))
		return;
	text_add(&now, name.release);
	text_add(&now, " ");
	text_add(&now, name.version);
	capabilities_get(&own);
	/* A cache of another kernel, or made under other rights, would be believed (criu/kerndat.c: kerndat_try_load_cache). */
	if (!text_equal(now.at, record_text(record, record->header->kernel)) ||
	    own.permitted != record->header->kernel_capabilities)
		return;
	if (map_file(CRIU_KERNEL_CACHE, KERNEL_CACHE_MAX, &cache))
		return;
	fd = sys_openat(AT_FDCWD, criu_file(run, path_room, "criu.kdat").at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		write_all(fd, (const char *)cache.bytes, cache.size);
		sys_close(fd);
	}
	unmap_file(&cache);
}

bool criu_begin(struct criu_run *run, struct cold *cold)
{
	if (!make_directory(run, cold))
		return false;
	place_kernel_cache(run);
	return true;
}

/* The container's streams go to FIRST_STREAM and up; what CRIU says before it has its log goes to a file. */
static int place_streams(const struct criu_run *run, const char *output_name)
{
	char room[CRIU_FILE_ROOM];
	int output;
	int nothing;
	int error = 0;

	for (int fd = 0; fd < STREAMS && error >= 0; fd++)
		error = sys_dup3(fd, FIRST_STREAM + fd, O_CLOEXEC);
	for (int fd = 0; fd < STREAMS && error >= 0; fd++)
		error = sys_fcntl(FIRST_STREAM + fd, F_SETFD, 0);
	if (error < 0)
		return error;
	output = sys_openat(AT_FDCWD, criu_file(run, room, output_name).at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	nothing = sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
	if (output < 0 || nothing < 0)
		return output < 0 ? output : nothing;
	sys_dup3(nothing, 0, 0);
	sys_dup3(output, 1, 0);
	sys_dup3(output, 2, 0);
	return 0;
}

/* A file of this container alone: what its replicas must not share cannot lie where they share a file system (/dev/shm of a pod). */
static int place_generation(const struct init *init)
{
	static struct tape_generation page;
	const struct record_header *header = init->record.header;
	int file = sys_memfd_create("generation", 0);
	int error = file < 0 ? file : sys_ftruncate(file, TAPE_GENERATION_FILE_BYTES);

	if (error)
		return error;
	generation_write(&page, header->page_monotonic_ns, header->page_realtime_ns);
	page.environment_bytes = environment_block(init->envp, &page);
	error = write_all(file, (const char *)&page, sizeof(page));
	if (!error)
		error = sys_dup3(file, GENERATION_FD, 0);
	return error < 0 ? error : 0;
}

/* What differs between the tasks of CRIU; the rest of the arguments is the same. */
static const struct {
	const char *verb;
	const char *options[4];
	const char *log;
	const char *output;
	bool streams;
} tasks[] = {
	/* Without --unprivileged CRIU does not look whether there is userfaultfd (criu/kerndat.c: kerndat_uffd). */
	[CRIU_RESTORE] = {"restore", {"-d", "--unprivileged", "--file-locks"}, "restore.log", "output", true},
	[CRIU_RESTORE_LAZY] = {"restore", {"-d", "--lazy-pages", "--file-locks"}, "restore.log", "output", true},
	[CRIU_LAZY_PAGES] = {"lazy-pages", {NULL}, "lazy.log", "lazy-output", false},
};

static _Noreturn void exec_criu(const struct criu_run *run, enum criu_task task)
{
	const struct init *init = run->init;
	char stream_room[STREAMS][32];
	char runtime_room[sizeof("XDG_RUNTIME_DIR=") + CRIU_DIRECTORY_ROOM];
	struct text runtime = text_over(runtime_room, sizeof(runtime_room));
	char *const environment[] = {runtime_room, NULL};
	const char *argv[32] = {CRIU_LOADER, "--library-path", CRIU_LIBRARIES, CRIU_PROGRAM, tasks[task].verb};
	const bool has_agent = init->record.header->flags & RECORD_FLAG_AGENT;
	usize count = 5;
	int error;
#define ADD(word) argv[count++] = (word)
	for (usize i = 0; i < ARRAY_COUNT(tasks[task].options) && tasks[task].options[i]; i++)
		ADD(tasks[task].options[i]);
	ADD("-D");
	ADD(run->images);
	ADD("-W");
	ADD(run->directory);
	ADD("-o");
	ADD(tasks[task].log);
	ADD(init->debug ? "-v4" : "-v2");
	for (u32 i = 0; i < STREAMS && tasks[task].streams; i++) {
		struct text stream = text_over(stream_room[i], sizeof(stream_room[i]));

		if (!init->record.header->stream_pipe_ids[i])
			continue;
		/* The colon is right: without it CRIU 4.2 takes the option and does nothing (criu/files.c, inherit_fd_parse). */
		text_add(&stream, "fd[");
		text_add_number(&stream, FIRST_STREAM + i);
		text_add(&stream, "]:pipe:[");
		text_add_number(&stream, init->record.header->stream_pipe_ids[i]);
		text_add(&stream, "]");
		ADD("--inherit-fd");
		ADD(stream_room[i]);
	}
	if (has_agent && tasks[task].streams) {
		ADD("--inherit-fd");
		ADD(GENERATION_INHERITED);
	}
#undef ADD
	_Static_assert(5 + 4 + 7 + 2 * STREAMS + 2 < ARRAY_COUNT(argv), "arguments of CRIU");
	text_add(&runtime, "XDG_RUNTIME_DIR=");
	text_add(&runtime, run->directory);
	sys_setsid();
	close_on_exec_from(STREAMS);
	error = place_streams(run, tasks[task].output);
	if (!error && has_agent)
		error = place_generation(init);
	if (!error && sys_geteuid() != 0) {
		struct capabilities own;

		capabilities_get(&own);
		error = capabilities_raise_ambient(own.permitted);
	}
	signals_restore(0);
	if (!error)
		error = sys_execve(CRIU_LOADER, (char *const *)argv, environment);
	log_problem("cannot run CRIU", CRIU_LOADER, error);
	sys_exit_group(127);
}

pid criu_start(const struct criu_run *run, enum criu_task task)
{
	pid child = sys_fork();

	if (child == 0)
		exec_criu(run, task);
	return child;
}

static void tell_log(const struct criu_run *run, const char *name)
{
	char room[CRIU_FILE_ROOM];
	struct mapping log;

	if (map_file(criu_file(run, room, name).at, LOG_MAX, &log))
		return;
	write_all(2, (const char *)log.bytes, log.size);
	unmap_file(&log);
}

static bool add_from(const struct criu_run *run, const char *name, bool (*add)(struct text *, const char *, usize), struct text *reason)
{
	char room[CRIU_FILE_ROOM];
	struct mapping log;
	bool found;

	if (map_file(criu_file(run, room, name).at, LOG_MAX, &log))
		return false;
	found = add(reason, (const char *)log.bytes, log.size);
	unmap_file(&log);
	return found;
}

void criu_end(const struct criu_run *run)
{
	static const char *const logs[] = {"output", "restore.log", "lazy-output", "lazy.log"};

	for (usize i = 0; i < ARRAY_COUNT(logs) && run->init->debug; i++)
		tell_log(run, logs[i]);
	remove_flat_directory(run->directory);
}

void criu_explain(const struct criu_run *run, int status, struct cold *cold)
{
	cold_because(cold, COLD_RESTORE, "");
	if (add_from(run, "restore.log", text_add_criu_reason, &cold->reason) || add_from(run, "output", text_add_last_line, &cold->reason))
		return;
	text_add(&cold->reason, "CRIU ended with status ");
	text_add_number(&cold->reason, (u64)exit_status_of(status));
}
