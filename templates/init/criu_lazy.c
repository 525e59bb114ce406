#include "capabilities.h"
#include "clock.h"
#include "criu_lazy.h"
#include "files.h"
#include "mem.h"
#include "restore.h"

#define SOCKET "lazy-pages.socket"
#define ROUND_NS (1 * NS_PER_MS)
/* One for each process of the checkpoint. */
#define HELD_MAX 64
#define UFFD_LINK "anon_inode:[userfaultfd]"

static int held[HELD_MAX];
static u32 held_count;

bool lazy_is_possible(struct text *reason)
{
	const u64 needed = CAPABILITY_BIT(CAPABILITY_SYS_ADMIN) | CAPABILITY_BIT(CAPABILITY_NET_ADMIN) | CAPABILITY_BIT(CAPABILITY_SYS_PTRACE);
	struct capabilities own;
	int fd;

	capabilities_get(&own);
	if (needed & ~own.permitted) {
		text_add(reason, "it needs ");
		text_add_capability_flags(reason, needed & ~own.permitted);
		return false;
	}
	fd = sys_userfaultfd(O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		sys_close(fd);
		return true;
	}
	text_add(reason, "the container's seccomp profile, or the kernel, does not allow userfaultfd: ");
	text_add_errno(reason, fd);
	return false;
}

pid lazy_start(const struct criu_run *run, u64 deadline_ns, struct text *reason)
{
	char room[CRIU_FILE_ROOM];
	const char *socket = criu_file(run, room, SOCKET).at;
	const timespec round = timespec_of(ROUND_NS);
	pid daemon = criu_start(run, CRIU_LAZY_PAGES);
	int status;

	if (daemon < 0) {
		text_add(reason, "no process for criu lazy-pages: ");
		text_add_errno(reason, daemon);
		return 0;
	}
	for (;;) {
		struct statx stat;

		if (!sys_statx(AT_FDCWD, socket, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stat))
			return daemon;
		if (sys_wait4(daemon, &status, WNOHANG) == daemon) {
			text_add(reason, "criu lazy-pages ended with status ");
			text_add_number(reason, (u64)exit_status_of(status));
			return 0;
		}
		if (clock_ns(CLOCK_MONOTONIC) >= deadline_ns)
			break;
		sys_clock_nanosleep(CLOCK_MONOTONIC, &round);
	}
	text_add(reason, "criu lazy-pages does not get ready");
	sys_kill(daemon, SIGKILL);
	while (sys_wait4(daemon, &status, 0) == -EINTR)
		;
	return 0;
}

/* Whether a descriptor of the process is of userfaultfd. */
static bool is_uffd(int descriptors, const char *name)
{
	char target[sizeof(UFFD_LINK)];
	long size = sys_readlinkat(descriptors, name, target, sizeof(target));

	return size == sizeof(UFFD_LINK) - 1 && memcmp(target, UFFD_LINK, sizeof(UFFD_LINK) - 1) == 0;
}

void lazy_hold(pid daemon)
{
	char buffer[2048] __attribute__((aligned(8)));
	char room[64];
	struct text path = text_over(room, sizeof(room));
	int process = sys_pidfd_open(daemon);
	int descriptors;
	long size;

	text_add(&path, "/proc/");
	text_add_number(&path, (u64)daemon);
	text_add(&path, "/fd");
	descriptors = sys_openat(AT_FDCWD, room, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	while (process >= 0 && descriptors >= 0 && (size = sys_getdents64(descriptors, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size;) {
			const struct directory_entry *entry = (const void *)(buffer + at);
			u64 number;

			if (parse_number(entry->name, INT32_MAX, &number) && is_uffd(descriptors, entry->name) && held_count < HELD_MAX) {
				int fd = sys_pidfd_getfd(process, (int)number);

				if (fd >= 0)
					held[held_count++] = fd;
			}
			at += entry->size;
		}
	}
	if (descriptors >= 0)
		sys_close(descriptors);
	if (process >= 0)
		sys_close(process);
}

void lazy_release(void)
{
	while (held_count)
		sys_close(held[--held_count]);
}
