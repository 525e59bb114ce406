/*
 * What the kernel says of the process, line by line: /proc, and what only system calls tell. Lines that differ after the process has gone
 * on elsewhere are said. Included by program.h alone.
 */
#include <ctype.h>
#include <dirent.h>
#include <linux/kcmp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

struct kernel_state {
	char text[1 << 20];
	size_t used;
	char maps[1 << 19];
	size_t maps_used;
};

static struct kernel_state before_dump, after_resume, *taken;
static char file_text[1 << 19];

/* Of descriptors with these numbers and of these sections nothing is compared: the program knows why. */
static bool ignored_descriptors[65536];
static const char *ignored_lines[32];

/* Lines that begin so are not compared. */
static void ignore_lines(const char *beginning)
{
	for (size_t i = 0; i < sizeof(ignored_lines) / sizeof(*ignored_lines); i++)
		if (!ignored_lines[i]) {
			ignored_lines[i] = beginning;
			return;
		}
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
	size_t room = sizeof(taken->text) - taken->used;
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(taken->text + taken->used, room - 1, format, list);
	va_end(list);
	if (length < 0 || (size_t)length + 2 > room) {
		say("too much state");
		_exit(3);
	}
	taken->used += (size_t)length;
	taken->text[taken->used++] = '\n';
	taken->text[taken->used] = 0;
}

/* A file of /proc, or nothing where it is not there. */
static const char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	file_text[0] = 0;
	if (fd < 0)
		return file_text;
	while (used < sizeof(file_text) - 1 && (got = read(fd, file_text + used, sizeof(file_text) - 1 - used)) > 0)
		used += (size_t)got;
	close(fd);
	/* Arguments and environment have NULs. */
	for (size_t i = 0; i < used; i++)
		if (!file_text[i])
			file_text[i] = ' ';
	file_text[used] = 0;
	return file_text;
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool begins_with_one_of(const char *line, const char *const *names)
{
	for (; *names; names++)
		if (begins(line, *names))
			return true;
	return false;
}

/* Each line of a file that begins with one of `names`; with none, every line. */
static void note_lines(const char *section, const char *path, const char *const *names)
{
	char *rest;

	read_text(path);
	for (char *line = strtok_r(file_text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!names || begins_with_one_of(line, names))
			note("%s %s", section, line);
}

static const char *const status_lines[] = {
	"Name:", "Umask:", "State:\tT", "Tgid:", "Ngid:", "Pid:", "PPid:", "TracerPid:", "Uid:", "Gid:", "Groups:", "NStgid:", "NSpid:", "NSpgid:",
	"NSsid:", "Kthread:", "VmLck:", "VmPin:", "HugetlbPages:", "CoreDumping:", "THP_enabled:", "untag_mask:", "Threads:", "SigPnd:", "ShdPnd:",
	"SigBlk:", "SigIgn:", "SigCgt:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "Seccomp:", "Seccomp_filters:",
	"Speculation_Store_Bypass:", "SpeculationIndirectBranch:", "x86_Thread_features:", "x86_Thread_features_locked:", NULL,
};

struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

static void note_thread(int tid)
{
	struct attributes attributes = {0};
	char path[64], section[64];
	struct { void *head; } robust = {NULL};
	size_t robust_size = 0;

	snprintf(section, sizeof(section), "thread %d", tid);
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	note_lines(section, path, status_lines);
	snprintf(path, sizeof(path), "/proc/%d/timerslack_ns", tid);
	note("%s timer slack %s", section, read_text(path));
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
	note("%s name %s", section, read_text(path));
	syscall(SYS_sched_getattr, tid, &attributes, sizeof(attributes), 0);
	note("%s scheduling policy %u flags %llx nice %d priority %u runtime %llu deadline %llu period %llu clamps %u %u", section,
	     attributes.policy, (long long)attributes.flags, attributes.nice, attributes.priority, (long long)attributes.runtime,
	     (long long)attributes.deadline, (long long)attributes.period, attributes.util_min, attributes.util_max);
	note("%s input/output priority %ld", section, syscall(SYS_ioprio_get, 1, tid));
	syscall(SYS_get_robust_list, tid, &robust.head, &robust_size);
	note("%s robust list %p %zu", section, robust.head, robust_size);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Numbers that are names in a directory, ascending. */
static int numbers_in(const char *path, int *numbers, int room)
{
	static char entries[1 << 16];
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count = 0;
	long got;

	while ((got = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got;) {
			struct dirent64 *entry = (void *)(entries + at);

			if (isdigit(entry->d_name[0]) && atoi(entry->d_name) != fd && count < room)
				numbers[count++] = atoi(entry->d_name);
			at += entry->d_reclen;
		}
	}
	close(fd);
	qsort(numbers, (size_t)count, sizeof(*numbers), by_number);
	return count;
}

/* Options that name the socket, the moment or the peer, or that change when they are looked at (SO_ERROR). */
static bool option_is_constant(int level, int option)
{
	if (level == SOL_SOCKET)
		return option != SO_ERROR && option != SO_COOKIE && option != SO_INCOMING_CPU && option != 56 && option != SO_MEMINFO &&
		       option != SO_PEERCRED && option != 77 && option != SO_NETNS_COOKIE;
	if (level == IPPROTO_TCP)
		return option != TCP_INFO && option != TCP_TIMESTAMP && option != TCP_CC_INFO;
	return true;
}

static void note_options(const char *section, int fd, int level)
{
	/* Of netfilter and multicast groups: they are lists. */
	for (int option = 0; option < 80; option++) {
		uint8_t value[64] = {0};
		socklen_t size = sizeof(value);
		char text[129];

		if (!option_is_constant(level, option) || getsockopt(fd, level, option, value, &size))
			continue;
		for (socklen_t i = 0; i < size && i < sizeof(value); i++)
			snprintf(text + 2 * i, 3, "%02x", value[i]);
		note("%s option %d.%d %.*s", section, level, option, (int)size * 2, text);
	}
}

static void note_address(const char *section, const char *what, int (*get)(int, struct sockaddr *, socklen_t *), int fd)
{
	uint8_t address[128] = {0};
	socklen_t size = sizeof(address);
	char text[257] = "";

	if (get(fd, (struct sockaddr *)address, &size))
		size = 0;
	for (socklen_t i = 0; i < size && i < sizeof(address); i++)
		snprintf(text + 2 * i, 3, "%02x", address[i]);
	note("%s %s %s", section, what, text);
}

static void note_socket(const char *section, int fd)
{
	int domain = 0, unread = -1;
	socklen_t size = sizeof(domain);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	note_options(section, fd, SOL_SOCKET);
	if (domain == AF_INET || domain == AF_INET6) {
		note_options(section, fd, IPPROTO_IP);
		note_options(section, fd, IPPROTO_TCP);
		note_options(section, fd, IPPROTO_UDP);
	}
	if (domain == AF_INET6)
		note_options(section, fd, IPPROTO_IPV6);
	note_address(section, "own address", getsockname, fd);
	note_address(section, "peer address", getpeername, fd);
	ioctl(fd, FIONREAD, &unread);
	note("%s unread %d", section, unread);
}

/* Without what names the mount, the file or the moment. */
static void note_fdinfo(const char *section, int fd)
{
	char path[64];
	char *rest;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	read_text(path);
	for (char *line = strtok_r(file_text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *identity;

		if (begins(line, "mnt_id:") || begins(line, "ino:") || begins(line, "it_value:") || begins(line, "eventfd-id:") ||
		    begins(line, "NSpid:"))
			continue;
		if (begins(line, "inotify") && (identity = strstr(line, " ino:"))) {
			char *mask = strstr(line, " mask:");

			*identity = 0;
			if (mask)
				note("%s %s %.14s", section, line, mask);
			continue;
		}
		/* Of an epoll set, the position in the target and its inode. */
		if (begins(line, "tfd:") && (identity = strstr(line, " pos:")))
			*identity = 0;
		/* "lock:	1: POSIX  ADVISORY  WRITE 300 00:3f:9 0 EOF": the device and the inode are others. */
		if (begins(line, "lock:")) {
			char kind[16], mode[16], how[16], pid[16], file[64], from[32], to[32];

			if (sscanf(line, "lock:\t%*d: %15s %15s %15s %15s %63s %31s %31s", kind, mode, how, pid, file, from, to) == 7)
				note("%s lock %s %s %s %s %s %s", section, kind, mode, how, pid, from, to);
			continue;
		}
		note("%s %s", section, line);
	}
}

static void note_descriptor(int fd)
{
	char section[32], path[64], target[4096];
	struct stat stat = {0};
	struct { int type, pid; } owner = {0, 0};
	ssize_t length;
	int unread = -1;

	snprintf(section, sizeof(section), "descriptor %d", fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = 0;
	/* Pipes and sockets have the number of an inode. */
	if (begins(target, "pipe:") || begins(target, "socket:"))
		*strchr(target, ':') = 0;
	note("%s close-on-exec %d", section, fcntl(fd, F_GETFD));
	/* The streams are those of the start. */
	if (fd <= 2)
		return;
	/* Deleted files become files in memory, and are named so. */
	note("%s is %s", section, strstr(target, " (deleted)") ? "deleted" : target);
	note_fdinfo(section, fd);
	fstat(fd, &stat);
	note("%s mode %o links %d", section, stat.st_mode, (int)stat.st_nlink);
	if (S_ISREG(stat.st_mode) && !begins(target, "/proc"))
		note("%s size %lld", section, (long long)stat.st_size);
	if (S_ISSOCK(stat.st_mode)) {
		note_socket(section, fd);
	} else if (S_ISFIFO(stat.st_mode)) {
		ioctl(fd, FIONREAD, &unread);
		note("%s pipe size %d unread %d", section, fcntl(fd, F_GETPIPE_SZ), unread);
	}
	if (!(fcntl(fd, F_GETFL) & O_PATH)) {
		fcntl(fd, F_GETOWN_EX, &owner);
		note("%s owner %d %d signal %d", section, owner.type, owner.pid, fcntl(fd, F_GETSIG));
		note("%s lease %d seals %d", section, fcntl(fd, F_GETLEASE), fcntl(fd, F_GET_SEALS));
	}
}

static void note_descriptors(void)
{
	static int numbers[4096];
	int count = numbers_in("/proc/self/fd", numbers, 4096);

	for (int i = 0; i < count; i++)
		if (!ignored_descriptors[numbers[i]])
			note_descriptor(numbers[i]);
	/* Which of them are one description. */
	for (int i = 0; i < count && count <= 64; i++)
		for (int j = i + 1; j < count; j++)
			if (!syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, numbers[i], numbers[j]))
				note("descriptors %d and %d share", numbers[i], numbers[j]);
}

static void note_signals(void)
{
	struct { uint64_t handler, flags, restorer, mask; } action;

	for (int signal = 1; signal <= 64; signal++) {
		memset(&action, 0, sizeof(action));
		syscall(SYS_rt_sigaction, signal, NULL, &action, 8);
		note("signal %d handler %llx flags %llx restorer %llx mask %llx", signal, (long long)action.handler, (long long)action.flags,
		     (long long)action.restorer, (long long)action.mask);
	}
}

static void note_process(void)
{
	static const char *const files[] = {"oom_score_adj", "coredump_filter", "personality", "cmdline", "environ", "comm", "setgroups", "loginuid", NULL};
	/* PDEATHSIG, DUMPABLE, UNALIGN, KEEPCAPS, FPEMU, FPEXC, TIMING, TSC, SECUREBITS, TIMERSLACK, MCE_KILL_GET, CHILD_SUBREAPER,
	   NO_NEW_PRIVS, THP_DISABLE, IO_FLUSHER, MDWE, MEMORY_MERGE: those that give the value in memory, and those that return it. */
	static const int into_memory[] = {PR_GET_PDEATHSIG, PR_GET_UNALIGN, PR_GET_FPEMU, PR_GET_FPEXC, PR_GET_TSC, PR_GET_CHILD_SUBREAPER, PR_GET_TID_ADDRESS};
	static const int returned[] = {PR_GET_DUMPABLE, PR_GET_KEEPCAPS, PR_GET_TIMING, PR_GET_SECUREBITS, PR_GET_TIMERSLACK, PR_MCE_KILL_GET, PR_GET_THP_DISABLE, 58, 66, 68};
	char path[4096];
	ssize_t length;

	for (int i = 0; files[i]; i++) {
		snprintf(path, sizeof(path), "/proc/self/%s", files[i]);
		note("%s %s", files[i], read_text(path));
	}
	note_lines("limit", "/proc/self/limits", NULL);
	note_lines("timer", "/proc/self/timers", NULL);
	for (const char *const *link = (const char *const[]){"cwd", "root", NULL}; *link; link++) {
		char target[4096];

		snprintf(path, sizeof(path), "/proc/self/%s", *link);
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = 0;
		note("%s %s", *link, target);
	}
	for (size_t i = 0; i < sizeof(into_memory) / sizeof(*into_memory); i++) {
		unsigned long value = 0;
		int error = prctl(into_memory[i], &value, 0, 0, 0);

		note("prctl %d %lx %d", into_memory[i], error ? 0 : value, error);
	}
	for (size_t i = 0; i < sizeof(returned) / sizeof(*returned); i++)
		note("prctl %d %d", returned[i], prctl(returned[i], 0, 0, 0, 0));
	for (unsigned long which = 0; which < 3; which++)
		note("speculation %lu %d", which, prctl(PR_GET_SPECULATION_CTRL, which, 0, 0, 0));
	note("membarrier %ld", syscall(SYS_membarrier, 512, 0, 0));
	note("session %d group %d", getsid(0), getpgrp());
	for (int which = 0; which < 3; which++) {
		struct itimerval timer = {0};

		getitimer(which, &timer);
		note("interval timer %d every %ld %ld set %d", which, timer.it_interval.tv_sec, timer.it_interval.tv_usec,
		     timer.it_value.tv_sec || timer.it_value.tv_usec);
	}
	for (int permission = 0; permission < 2; permission++) {
		unsigned long value = 0;
		/* ARCH_GET_CPUID, ARCH_GET_XCOMP_PERM */
		long result = syscall(SYS_arch_prctl, permission ? 0x1022 : 0x1011, permission ? (unsigned long)&value : 0);

		note("arch_prctl %d %ld %lx", permission, result, value);
	}
}

#include "kernel_memory.h"

static void take_kernel_state(struct kernel_state *state)
{
	static int threads[4096];
	int count;

	taken = state;
	state->used = 0;
	note_process();
	note_signals();
	count = numbers_in("/proc/self/task", threads, 4096);
	for (int i = 0; i < count; i++)
		note_thread(threads[i]);
	note_descriptors();
	state->maps_used = strlen(read_text("/proc/self/smaps"));
	memcpy(state->maps, file_text, state->maps_used + 1);
}

static void kernel_state_before(void)
{
	take_kernel_state(&before_dump);
}

static bool has_line(const char *text, const char *line, size_t length)
{
	for (const char *at = text; *at; at = strchr(at, '\n') + 1)
		if (!strncmp(at, line, length) && at[length] == '\n')
			return true;
	return false;
}

static void say_missing(const char *how, const char *lines, const char *in)
{
	for (const char *at = lines; *at; at = strchr(at, '\n') + 1) {
		size_t length = (size_t)(strchr(at, '\n') - at);
		bool ignored = false;

		for (size_t i = 0; i < sizeof(ignored_lines) / sizeof(*ignored_lines) && ignored_lines[i]; i++)
			ignored |= begins(at, ignored_lines[i]);
		if (!ignored && !has_line(in, at, length))
			WRONG("%s: %.*s", how, (int)length, at);
	}
}

static void kernel_state_after(void)
{
	take_kernel_state(&after_resume);
	say_missing("before", before_dump.text, after_resume.text);
	say_missing("after", after_resume.text, before_dump.text);
	compare_memory();
}
