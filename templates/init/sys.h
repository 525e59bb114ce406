/*
 * System calls, one wrapper each, named as in the manual (section 2). They return what the kernel returns: the result, or the
 * negative number of the error. Only calls that every architecture has are used, so numbers and structs come from the kernel's
 * headers; the instruction itself is in start_ARCH.S.
 */
#ifndef SYS_H
#define SYS_H

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fadvise.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/wait.h>
#include "types.h"

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7
/* linux/mount.h has them too, but clashes with linux/fcntl.h of some versions. */
#define MS_NOSUID 2
#define MS_NODEV 4
#define MS_NOEXEC 8
#define MS_BIND 4096
#define MS_REC 16384
#define MS_PRIVATE (1 << 18)
#define RENAME_NOREPLACE 1
#define SIGNALS 64
#define POINTER(pointer) ((long)(usize)(pointer))

typedef int pid;
typedef struct __kernel_timespec timespec;

/* All of them fit a word: bit N-1 is signal N. */
typedef u64 signal_set;
#define SIGNAL_BIT(number) (1ull << ((number) - 1))

struct signal_info {
	int number;
	int error;
	int code;
	u8 rest[116];
};
_Static_assert(sizeof(struct signal_info) == 128, "siginfo_t");

struct signal_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	signal_set mask;
};

struct signalfd_record {
	u32 number;
	u8 rest[124];
};
_Static_assert(sizeof(struct signalfd_record) == 128, "struct signalfd_siginfo");

long sys_call(long number, long a, long b, long c, long d, long e, long f);

#define SYS0(name) sys_call(__NR_##name, 0, 0, 0, 0, 0, 0)
#define SYS1(name, a) sys_call(__NR_##name, a, 0, 0, 0, 0, 0)
#define SYS2(name, a, b) sys_call(__NR_##name, a, b, 0, 0, 0, 0)
#define SYS3(name, a, b, c) sys_call(__NR_##name, a, b, c, 0, 0, 0)
#define SYS4(name, a, b, c, d) sys_call(__NR_##name, a, b, c, d, 0, 0)
#define SYS5(name, a, b, c, d, e) sys_call(__NR_##name, a, b, c, d, e, 0)

/* Files. */

static inline long sys_read(int fd, void *to, usize size)
{
	return SYS3(read, fd, POINTER(to), (long)size);
}

static inline long sys_write(int fd, const void *from, usize size)
{
	return SYS3(write, fd, POINTER(from), (long)size);
}

static inline int sys_openat(int directory, const char *path, int flags, u32 mode)
{
	return (int)SYS4(openat, directory, POINTER(path), flags, (long)mode);
}

static inline int sys_close(int fd)
{
	return (int)SYS1(close, fd);
}

static inline int sys_close_range(u32 first, u32 last, u32 flags)
{
	return (int)SYS3(close_range, (long)first, (long)last, (long)flags);
}

static inline int sys_dup3(int from, int to, int flags)
{
	return (int)SYS3(dup3, from, to, flags);
}

static inline int sys_pipe2(int ends[2], int flags)
{
	return (int)SYS2(pipe2, POINTER(ends), flags);
}

static inline int sys_fcntl(int fd, int command, long argument)
{
	return (int)SYS3(fcntl, fd, command, argument);
}

static inline int sys_ioctl(int fd, u32 request, void *argument)
{
	return (int)SYS3(ioctl, fd, (long)request, POINTER(argument));
}

static inline int sys_statx(int directory, const char *path, int flags, u32 mask, struct statx *stat)
{
	return (int)SYS5(statx, directory, POINTER(path), flags, (long)mask, POINTER(stat));
}

static inline long sys_readlinkat(int directory, const char *path, char *to, usize size)
{
	return SYS4(readlinkat, directory, POINTER(path), POINTER(to), (long)size);
}

static inline long sys_getcwd(char *to, usize size)
{
	return SYS2(getcwd, POINTER(to), (long)size);
}

static inline int sys_chdir(const char *path)
{
	return (int)SYS1(chdir, POINTER(path));
}

static inline int sys_mkdirat(int directory, const char *path, u32 mode)
{
	return (int)SYS3(mkdirat, directory, POINTER(path), (long)mode);
}

static inline int sys_unlinkat(int directory, const char *path, int flags)
{
	return (int)SYS3(unlinkat, directory, POINTER(path), flags);
}

static inline int sys_renameat2(int from, const char *old_path, int to, const char *new_path, u32 flags)
{
	return (int)SYS5(renameat2, from, POINTER(old_path), to, POINTER(new_path), (long)flags);
}

static inline int sys_symlinkat(const char *target, int directory, const char *path)
{
	return (int)SYS3(symlinkat, POINTER(target), directory, POINTER(path));
}

static inline int sys_fchmod(int fd, u32 mode)
{
	return (int)SYS2(fchmod, fd, (long)mode);
}

static inline int sys_fchmodat(int directory, const char *path, u32 mode)
{
	return (int)SYS3(fchmodat, directory, POINTER(path), (long)mode);
}

static inline int sys_fchownat(int directory, const char *path, u32 uid, u32 gid, int flags)
{
	return (int)SYS5(fchownat, directory, POINTER(path), (long)uid, (long)gid, flags);
}

static inline int sys_utimensat(int directory, const char *path, const timespec times[2], int flags)
{
	return (int)SYS4(utimensat, directory, POINTER(path), POINTER(times), flags);
}

static inline long sys_getdents64(int fd, void *to, usize size)
{
	return SYS3(getdents64, fd, POINTER(to), (long)size);
}

static inline int sys_fadvise64(int fd, s64 offset, s64 size, int advice)
{
	return (int)SYS4(fadvise64, fd, offset, size, advice);
}

#define UTSNAME_ROOM 65

struct utsname {
	char system[UTSNAME_ROOM], node[UTSNAME_ROOM], release[UTSNAME_ROOM], version[UTSNAME_ROOM], machine[UTSNAME_ROOM], domain[UTSNAME_ROOM];
};

static inline int sys_uname(struct utsname *name)
{
	return (int)SYS1(uname, POINTER(name));
}

/* From the start of a file; of a directory: an offset that getdents64 gave. */
static inline long sys_lseek(int fd, s64 offset)
{
	return SYS3(lseek, fd, (long)offset, 0);
}

static inline int sys_syncfs(int fd)
{
	return (int)SYS1(syncfs, fd);
}

static inline int sys_userfaultfd(int flags)
{
	return (int)SYS1(userfaultfd, flags);
}

static inline int sys_pidfd_open(pid process)
{
	return (int)SYS2(pidfd_open, process, 0);
}

static inline int sys_pidfd_getfd(int process, int fd)
{
	return (int)SYS3(pidfd_getfd, process, fd, 0);
}

static inline long sys_getrandom(void *buffer, usize size)
{
	return SYS3(getrandom, POINTER(buffer), (long)size, 0);
}

static inline int sys_memfd_create(const char *name, u32 flags)
{
	return (int)SYS2(memfd_create, POINTER(name), flags);
}

static inline int sys_ftruncate(int fd, usize size)
{
	return (int)SYS2(ftruncate, fd, (long)size);
}

static inline long sys_sendfile(int to, int from, usize size)
{
	return SYS4(sendfile, to, from, 0, (long)size);
}

static inline long sys_mmap(usize size, int protection, int flags, int fd)
{
	return sys_call(__NR_mmap, 0, (long)size, protection, flags, fd, 0);
}

/* As sys_mmap, from an offset of the file on. */
static inline long sys_mmap_at(usize size, int protection, int flags, int fd, u64 offset)
{
	return sys_call(__NR_mmap, 0, (long)size, protection, flags, fd, (long)offset);
}

/* A byte for each page, whose lowest bit says whether it is in memory. */
static inline int sys_mincore(const void *at, usize size, u8 *resident)
{
	return (int)SYS3(mincore, POINTER(at), (long)size, POINTER(resident));
}

static inline int sys_fdatasync(int fd)
{
	return (int)SYS1(fdatasync, fd);
}

static inline int sys_munmap(const void *at, usize size)
{
	return (int)SYS2(munmap, POINTER(at), (long)size);
}

static inline int sys_mount(const char *source, const char *target, const char *type, u64 flags)
{
	return (int)SYS5(mount, POINTER(source), POINTER(target), POINTER(type), (long)flags, 0);
}

static inline u32 sys_umask(u32 mask)
{
	return (u32)SYS1(umask, (long)mask);
}

static inline int sys_ppoll(struct pollfd *fds, usize count, const timespec *timeout)
{
	return (int)SYS5(ppoll, POINTER(fds), (long)count, POINTER(timeout), 0, 0);
}

/* Processes. */

static inline pid sys_fork(void)
{
	return (pid)SYS5(clone, SIGCHLD, 0, 0, 0, 0);
}

static inline int sys_execve(const char *path, char *const *argv, char *const *envp)
{
	return (int)SYS3(execve, POINTER(path), POINTER(argv), POINTER(envp));
}

static inline _Noreturn void sys_exit_group(int status)
{
	for (;;)
		SYS1(exit_group, status);
}

static inline pid sys_wait4(pid which, int *status, int options)
{
	return (pid)SYS4(wait4, which, POINTER(status), options, 0);
}

static inline int sys_waitid(int kind, pid which, int options)
{
	return (int)SYS5(waitid, kind, which, 0, options, 0);
}

static inline int sys_kill(pid which, int signal)
{
	return (int)SYS2(kill, which, signal);
}

static inline pid sys_getpid(void)
{
	return (pid)SYS0(getpid);
}

static inline pid sys_getppid(void)
{
	return (pid)SYS0(getppid);
}

static inline pid sys_getpgid(pid which)
{
	return (pid)SYS1(getpgid, which);
}

static inline int sys_setpgid(pid which, pid group)
{
	return (int)SYS2(setpgid, which, group);
}

static inline int sys_setsid(void)
{
	return (int)SYS0(setsid);
}

static inline u32 sys_getuid(void)
{
	return (u32)SYS0(getuid);
}

static inline u32 sys_geteuid(void)
{
	return (u32)SYS0(geteuid);
}

static inline u32 sys_getgid(void)
{
	return (u32)SYS0(getgid);
}

static inline u32 sys_getegid(void)
{
	return (u32)SYS0(getegid);
}

/* Ascending, as the kernel keeps them. */
static inline int sys_getgroups(usize count, u32 *groups)
{
	return (int)SYS2(getgroups, (long)count, POINTER(groups));
}

static inline long sys_sched_getaffinity(pid process, usize size, void *mask)
{
	return SYS3(sched_getaffinity, process, (long)size, POINTER(mask));
}

static inline int sys_setgroups(usize count, const u32 *groups)
{
	return (int)SYS2(setgroups, (long)count, POINTER(groups));
}

static inline int sys_setresgid(u32 gid)
{
	return (int)SYS3(setresgid, (long)gid, (long)gid, (long)gid);
}

static inline int sys_setresuid(u32 uid)
{
	return (int)SYS3(setresuid, (long)uid, (long)uid, (long)uid);
}

static inline int sys_prctl(int option, u64 a, u64 b, u64 c, u64 d)
{
	return (int)SYS5(prctl, option, (long)a, (long)b, (long)c, (long)d);
}

static inline int sys_capget(void *header, void *sets)
{
	return (int)SYS2(capget, POINTER(header), POINTER(sets));
}

static inline int sys_capset(void *header, const void *sets)
{
	return (int)SYS2(capset, POINTER(header), POINTER(sets));
}

static inline int sys_unshare(u32 flags)
{
	return (int)SYS1(unshare, (long)flags);
}

static inline int sys_setns(int fd, u32 type)
{
	return (int)SYS2(setns, fd, (long)type);
}

/* Signals and time. */

static inline int sys_rt_sigprocmask(int how, const signal_set *set, signal_set *old)
{
	return (int)SYS4(rt_sigprocmask, how, POINTER(set), POINTER(old), sizeof(*set));
}

static inline int sys_rt_sigaction(int number, const struct signal_action *action)
{
	return (int)SYS4(rt_sigaction, number, POINTER(action), 0, sizeof(signal_set));
}

/* The number of the signal, -EAGAIN at the timeout (NULL: none), -EINTR when something else came between. */
static inline int sys_rt_sigtimedwait(const signal_set *set, struct signal_info *info, const timespec *timeout)
{
	return (int)SYS4(rt_sigtimedwait, POINTER(set), POINTER(info), POINTER(timeout), sizeof(*set));
}

static inline int sys_signalfd4(const signal_set *set, int flags)
{
	return (int)SYS4(signalfd4, -1, POINTER(set), sizeof(*set), flags);
}

static inline int sys_clock_gettime(int clock, timespec *time)
{
	return (int)SYS2(clock_gettime, clock, POINTER(time));
}

static inline int sys_clock_nanosleep(int clock, const timespec *time)
{
	return (int)SYS4(clock_nanosleep, clock, 0, POINTER(time), 0);
}

/* Sockets. */

static inline int sys_socket(int family, int type, int protocol)
{
	return (int)SYS3(socket, family, type, protocol);
}

static inline int sys_socketpair(int family, int type, int ends[2])
{
	return (int)SYS4(socketpair, family, type, 0, POINTER(ends));
}

static inline int sys_connect(int fd, const void *address, usize size)
{
	return (int)SYS3(connect, fd, POINTER(address), (long)size);
}

static inline int sys_setsockopt(int fd, int level, int option, const void *value, usize size)
{
	return (int)SYS5(setsockopt, fd, level, option, POINTER(value), (long)size);
}

static inline int sys_getsockopt(int fd, int level, int option, void *value, u32 *size)
{
	return (int)SYS5(getsockopt, fd, level, option, POINTER(value), POINTER(size));
}

static inline long sys_recvmsg(int fd, void *message, int flags)
{
	return SYS3(recvmsg, fd, POINTER(message), flags);
}

#endif
