/*
 * @look --target PID [--syscall ADDRESS] -- WORD...: what neither /proc nor CRIU tells of a process. A word is a descriptor, or a thread ID behind a "t".
 * Lines of decimal numbers:
 *	FD EVENTS			what it has of POLLIN, POLLPRI and POLLERR
 *	FD LEVEL NAME SIZE VALUE	an option that a new socket of the same kind has otherwise: the first 8 bytes; size 0: it has none
 *	TID PRIORITY FLAGS SLICE CLAMPS	for a word with a "t": of input and output (ioprio_get(2)), and of struct sched_attr what is otherwise
 *					than of this program; the line begins with "t"
 *	INDEX RESULT			of `calls`, made by the process itself, where ADDRESS is that of a syscall instruction in its memory;
 *					the line begins with "c"
 */
#include "log.h"
#include "look.h"
#include "verbs.h"

#include <linux/keyctl.h>
#ifdef __NR_arch_prctl
#include <asm/prctl.h>
#endif

#define IOPRIO_WHO_PROCESS 1
#ifndef PR_GET_MDWE
#define PR_GET_MDWE 66
#endif
#define SOL_SOCKET 1
/* No protocol that is on tapes has options above these. */
#define OPTION_LEVELS 42
#define OPTION_NAMES 128
/* asm-generic/socket.h. Reading the error would take it away; the size of a filter is not counted in bytes. */
#define OPTION_TYPE 3
#define OPTION_ERROR 4
#define OPTION_FILTER 26
#define OPTION_PROTOCOL 38
#define OPTION_DOMAIN 39

struct value {
	u64 words[4];
	u32 size;
};

static struct value option_of(int fd, int level, int name)
{
	struct value value = {{0}, sizeof(value.words)};

	if (sys_getsockopt(fd, level, name, value.words, &value.size) < 0)
		value.size = 0;
	return value;
}

static int kind_of(int fd, int name)
{
	return (int)option_of(fd, SOL_SOCKET, name).words[0];
}

static void tell(const u64 *numbers, usize count)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));

	while (count--) {
		text_add_number(&line, *numbers++);
		text_add(&line, " ");
	}
	log_line(1, &line);
}

static void look_at_options(u64 number, int fd)
{
	int other = sys_socket(kind_of(fd, OPTION_DOMAIN), kind_of(fd, OPTION_TYPE), kind_of(fd, OPTION_PROTOCOL));

	for (int level = 0; level < OPTION_LEVELS; level++)
		for (int name = 0; name < OPTION_NAMES && other >= 0; name++) {
			struct value own, usual;

			if (level == SOL_SOCKET && (name == OPTION_ERROR || name == OPTION_FILTER))
				continue;
			own = option_of(fd, level, name);
			usual = option_of(other, level, name);
			if (memcmp(&own, &usual, sizeof(own)) != 0) {
				const u64 line[] = {number, (u64)level, (u64)name, own.size, own.words[0]};

				tell(line, ARRAY_COUNT(line));
			}
		}
}

static void look_at_descriptor(u64 number, int fd)
{
	const timespec now = {0};
	struct pollfd ready = {fd, POLLIN | POLLPRI, 0};
	u64 line[] = {number, 0};

	sys_ppoll(&ready, 1, &now);
	line[1] = (u64)ready.revents;
	tell(line, ARRAY_COUNT(line));
	look_at_options(number, fd);
}

/* sched_setattr(2), as 64-bit words. */
struct attributes {
	u64 policy, flags, priority, runtime, deadline, period, clamps;
};

static void look_at_thread(u64 number)
{
	struct attributes own = {0}, of = {0};

	SYS4(sched_getattr, 0, POINTER(&own), sizeof(own), 0);
	SYS4(sched_getattr, (long)number, POINTER(&of), sizeof(of), 0);
	const u64 line[] = {number, (u64)SYS2(ioprio_get, IOPRIO_WHO_PROCESS, (long)number), of.flags, of.runtime ^ own.runtime,
			    of.clamps ^ own.clamps};

	write_all(1, "t", 1);
	tell(line, ARRAY_COUNT(line));
}

static void look_at_calls(pid process, u64 instruction)
{
	static const struct {
		u16 number, first;
		int second;
	} calls[] = {
		{__NR_prctl, PR_GET_MDWE, 0},
		{__NR_prctl, PR_MCE_KILL_GET, 0},
		{__NR_prctl, PR_GET_IO_FLUSHER, 0},
		{__NR_keyctl, 0, KEY_SPEC_PROCESS_KEYRING},
		{__NR_keyctl, 0, KEY_SPEC_THREAD_KEYRING},
#ifdef __NR_arch_prctl
		{__NR_arch_prctl, ARCH_GET_CPUID, 0},
#endif
	};
	struct look_calls of;

	if (!look_begin(&of, process))
		return;
	for (u32 i = 0; i < ARRAY_COUNT(calls); i++) {
		const u64 line[] = {i, (u64)look_call(&of, instruction, calls[i].number, calls[i].first, (u64)calls[i].second)};

		write_all(1, "c", 1);
		tell(line, ARRAY_COUNT(line));
	}
	look_end(&of);
}

int verb_look(struct init *init)
{
	struct option options[] = {{"--target", true, NULL}, {"--syscall", false, NULL}};
	char **word;
	u64 number;
	int process;

	if (!verb_options(init, options, ARRAY_COUNT(options), &word) || !parse_number(options[0].value, INT32_MAX, &number))
		return EXIT_USAGE;
	if (options[1].value) {
		u64 instruction;

		if (!parse_number(options[1].value, INT64_MAX, &instruction))
			return EXIT_USAGE;
		look_at_calls((pid)number, instruction);
	}
	process = sys_pidfd_open((pid)number);
	for (; *word; word++) {
		bool is_thread = **word == 't';

		if (!parse_number(*word + is_thread, INT32_MAX, &number))
			return usage("not a number", *word);
		if (is_thread) {
			look_at_thread(number);
		} else {
			int fd = sys_pidfd_getfd(process, (int)number);

			if (fd < 0) {
				log_problem("no descriptor", *word, fd);
				return 1;
			}
			look_at_descriptor(number, fd);
			sys_close(fd);
		}
	}
	return 0;
}
