#include "clock.h"
#include "capabilities.h"
#include "files.h"
#include "log.h"
#include "mem.h"
#include "process.h"

/* Synchronous faults of crac-init itself must not be held back; they are never forwarded. */
#define FAULT_SIGNALS                                                                                        \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | \
	 SIGNAL_BIT(SIGSYS))
/* The kernel sends them to a background group that uses the terminal; they are about this process, not about the application. */
#define TERMINAL_SIGNALS (SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

void signals_block(signal_set *old)
{
	const signal_set blocked = ~FAULT_SIGNALS;
	/* An ignored SIGCHLD would let the kernel reap children itself, and their status would be lost. */
	const struct signal_action by_default = {0};

	sys_rt_sigprocmask(SIG_BLOCK, &blocked, old);
	sys_rt_sigaction(SIGCHLD, &by_default);
}

void signals_restore(signal_set mask)
{
	const struct signal_action by_default = {0};

	for (int number = 1; number <= SIGNALS; number++)
		if (number != SIGKILL && number != SIGSTOP)
			sys_rt_sigaction(number, &by_default);
	sys_rt_sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* asm-generic/siginfo.h: sent by a program, with a value. */
#define SI_QUEUE (-1)

void signal_queue(pid process, u32 number, u64 value)
{
	struct signal_info info = {.number = (int)number, .code = SI_QUEUE};

	if (!number)
		return;
	/* si_pid, si_uid and si_value of siginfo_t follow the alignment of its union. */
	((u32 *)(void *)info.rest)[1] = (u32)process;
	((u32 *)(void *)info.rest)[2] = sys_getuid();
	memcpy(info.rest + 12, &value, sizeof(value));
	SYS3(rt_sigqueueinfo, (long)process, info.number, POINTER(&info));
}

/* execvpe of libc: a directory that cannot be searched does not end the search, but is told if nothing else is found. */
int exec_command(char *const *argv, char *const *envp)
{
	const char *path = environment_value(envp, "PATH");
	usize name_length = text_length(argv[0]);
	int error = -ENOENT;
	char candidate[PATH_ROOM];

	for (const char *at = argv[0]; *at; at++)
		if (*at == '/')
			return sys_execve(argv[0], argv, envp);
	if (!path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	if (name_length == 0)
		return error;
	for (;;) {
		usize length = 0;

		while (path[length] && path[length] != ':')
			length++;
		if (length + name_length + 2 <= sizeof(candidate)) {
			int result;

			memcpy(candidate, path, length);
			if (length)
				candidate[length] = '/';
			memcpy(candidate + length + (length > 0), argv[0], name_length + 1);
			result = sys_execve(candidate, argv, envp);
			if (result != -ENOENT && result != -ENOTDIR && result != -EACCES)
				return result;
			if (result == -EACCES)
				error = result;
		}
		if (!path[length])
			return error;
		path += length + 1;
	}
}

void close_on_exec_from(u32 first)
{
	/* Kernels before 5.11 do not know the flag. What opened many descriptors there has set it itself, as every run time does. */
	if (sys_close_range(first, UINT32_MAX, CLOSE_RANGE_CLOEXEC) != 0)
		for (int fd = (int)first; fd < 1024; fd++)
			sys_fcntl(fd, F_SETFD, 1);
}

int exit_status_of(int wait_status)
{
	return wait_status & 0x7f ? 128 + (wait_status & 0x7f) : (wait_status >> 8) & 0xff;
}

int exit_status_of_exec(int error)
{
	return error == -ENOENT ? 127 : 126;
}

/* Capabilities from the file of crac-init are for the restorer. Root's are those of the container, and stay. */
static void drop_own_capabilities(void)
{
	const struct capabilities sets = {capabilities_ambient(), capabilities_ambient(), capabilities_ambient()};

	if (sys_getuid() != 0 && sys_geteuid() != 0)
		capabilities_set(&sets);
}

/* The terminal goes to the child where it is ours to give; TIOCSPGRP from a background group is allowed as SIGTTOU is blocked. */
static void take_foreground(pid own_group)
{
	pid foreground = 0;

	if (sys_ioctl(0, TIOCGPGRP, &foreground) == 0 && foreground == own_group) {
		pid group = sys_getpid();

		sys_ioctl(0, TIOCSPGRP, &group);
	}
}

pid start_command(const struct init *init)
{
	pid own_group = sys_getpgid(0);
	pid child = sys_fork();
	int error;

	if (child)
		return child;
	sys_setpgid(0, 0);
	take_foreground(own_group);
	drop_own_capabilities();
	sys_rt_sigprocmask(SIG_SETMASK, &init->original_mask, NULL);
	error = exec_command(init->argv, init->envp);
	log_problem("cannot run", init->argv[0], error);
	sys_exit_group(exit_status_of_exec(error));
}

struct watched {
	pid child;
	pid companion;
	int status;
	bool companion_ended; /* the companion was among what was reaped */
	int companion_status;
};

/* Reaps what can be reaped; whether the child was among it. */
static bool reap(struct watched *watched)
{
	bool found = false;

	for (;;) {
		int ended_status = 0;
		pid ended = sys_wait4(-1, &ended_status, WNOHANG);

		if (ended == -EINTR)
			continue;
		if (ended <= 0)
			return found;
		if (ended == watched->child) {
			watched->status = ended_status;
			found = true;
		} else if (ended == watched->companion) {
			watched->companion_status = ended_status;
			watched->companion_ended = true;
		}
	}
}

int supervise_with(pid child, const struct companion *companion)
{
	const signal_set taken = ~(FAULT_SIGNALS | TERMINAL_SIGNALS);
	const u64 limit_ns = clock_ns(CLOCK_MONOTONIC) + companion->limit_ms * NS_PER_MS;
	struct watched watched = {.child = child, .companion = companion->process};

	for (;;) {
		struct signal_info info;
		u64 now = clock_ns(CLOCK_MONOTONIC);
		timespec left = timespec_of(limit_ns > now ? limit_ns - now : 0);
		bool lost = false;
		int number;

		if (reap(&watched)) {
			if (companion->release)
				companion->release();
			return exit_status_of(watched.status);
		}
		if (watched.companion_ended) {
			watched.companion_ended = false;
			watched.companion = 0;
			lost = watched.companion_status != 0;
			if (!lost)
				companion->release();
		} else if (watched.companion && limit_ns <= now) {
			lost = true;
		}
		if (lost) {
			/* Before the release: what waits for memory is ended, not given zeros. */
			kill_descendants();
			companion->release();
			return COMPANION_LOST;
		}
		number = sys_rt_sigtimedwait(&taken, &info, watched.companion ? &left : NULL);
		if (number > 0 && number != SIGCHLD)
			sys_kill(child, number);
	}
}

int supervise(pid child)
{
	const struct companion nobody = {0};

	return supervise_with(child, &nobody);
}

int lifeline_make(struct lifeline *line)
{
	return sys_pipe2(line->ends, O_CLOEXEC);
}

void lifeline_keep(struct lifeline *line)
{
	sys_close(line->ends[0]);
}

bool lifeline_hold(struct lifeline *line)
{
	struct pollfd read_end = {line->ends[0], POLLIN, 0};
	const timespec now = {0, 0};
	bool parent_lives;

	sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	sys_close(line->ends[1]);
	parent_lives = sys_ppoll(&read_end, 1, &now) == 0;
	sys_close(line->ends[0]);
	return parent_lives;
}
