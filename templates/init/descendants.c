/* Ending everything that came of this process, which is PID 1 or a subreaper: whoever loses its parent comes to it. */
#include "clock.h"
#include "files.h"
#include "mem.h"
#include "process.h"
#include "text.h"

/* The parent of a process, from the fourth field of its stat; the second, in parentheses, may hold anything. */
static u32 parent_of(const char *name)
{
	char room[64];
	struct text path = text_over(room, sizeof(room));
	char stat[256];
	char *at;
	u32 parent = 0;

	text_add(&path, "/proc/");
	text_add(&path, name);
	text_add(&path, "/stat");
	if (read_file(room, stat, sizeof(stat)) <= 0)
		return 0;
	for (at = stat + text_length(stat); at > stat && *at != ')'; at--)
		;
	/* ") S 123 ..." */
	if (text_length(at) < 5)
		return 0;
	for (at += 4; *at >= '0' && *at <= '9'; at++)
		parent = parent * 10 + (u32)(*at - '0');
	return parent;
}

static void kill_children(void)
{
	char buffer[4096] __attribute__((aligned(8)));
	int proc = sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	u32 self = (u32)sys_getpid();
	long size;

	if (proc < 0)
		return;
	while ((size = sys_getdents64(proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size;) {
			const struct directory_entry *entry = (const void *)(buffer + at);
			u32 id = pid_of_name(entry->name);

			if (id && parent_of(entry->name) == self)
				sys_kill((pid)id, SIGKILL);
			at += entry->size;
		}
	}
	sys_close(proc);
}

/* A process that cannot be ended (in a system call that never returns) must not keep the cold start waiting. */
#define KILL_ROUNDS 50
#define KILL_ROUND_MS 100

void kill_descendants(void)
{
	const signal_set child_signal = SIGNAL_BIT(SIGCHLD);
	const timespec round = timespec_of(KILL_ROUND_MS * NS_PER_MS);

	for (int i = 0; i < KILL_ROUNDS; i++) {
		struct signal_info info;
		int status;
		pid ended;

		/* The children of a child that ends become ours, and are found in the next round. */
		kill_children();
		do
			ended = sys_wait4(-1, &status, WNOHANG);
		while (ended > 0);
		if (ended == -ECHILD)
			return;
		sys_rt_sigtimedwait(&child_signal, &info, &round);
	}
}
