#include "pids.h"
#include <linux/resource.h>

#define CLONE_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND)

/* Where there is a child, it shares the memory and the stack, and does nothing but end. */
static long clone_that_ends(long flags, long descriptor)
{
	register long environment __asm__("r10") = 0;
	register long tls __asm__("r8") = 0;
	long child;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%edi, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(child)
			 : "a"((long)__NR_clone), "D"(flags), "S"(0L), "d"(descriptor), "r"(environment), "r"(tls),
			   [exit] "i"(__NR_exit)
			 : "rcx", "r11", "memory");
	/* Without a signal at its end it is waited for by __WALL only (clone(2)). */
	if (child > 0)
		sys_wait4((pid)child, NULL, __WALL);
	return child;
}

pid pids_next(void)
{
	return (pid)clone_that_ends(CLONE_VM | CLONE_VFORK, 0);
}

/*
 * A number without a child, or the child's number, or an error: the descriptor of the process (CLONE_PIDFD) is made after the number was
 * taken (kernel/fork.c: copy_process), which is not given again. It fails where no descriptor is allowed, or at an address that cannot be
 * written. Kernels before 5.2 do not know the flag, and make the child.
 */
static pid use_up(pid last)
{
	const long nowhere = 8;
	long result = clone_that_ends(CLONE_FLAGS | CLONE_PIDFD, nowhere);

	if (result == -EMFILE || result == -EFAULT)
		return last + 1;
	/* A filter may refuse the flag. */
	return result < 0 ? pids_next() : (pid)result;
}

static int advance(pid last, pid wanted, u32 *used)
{
	while (last + 1 < wanted) {
		last = use_up(last);
		if (last < 0)
			return last;
		++*used;
	}
	return last + 1 == wanted ? 0 : -ERANGE;
}

int pids_advance(pid last, pid wanted, u32 *used)
{
	struct rlimit64 limit;
	struct rlimit64 none;
	bool limited = !SYS4(prlimit64, 0, RLIMIT_NOFILE, 0, POINTER(&limit));
	int error;

	if (last >= wanted)
		return -ERANGE;
	/* Half the time: no file is made for a descriptor that there cannot be. */
	none = (struct rlimit64){0, limited ? limit.rlim_max : 0};
	limited = limited && !SYS4(prlimit64, 0, RLIMIT_NOFILE, POINTER(&none), 0);
	error = advance(last, wanted, used);
	if (limited)
		SYS4(prlimit64, 0, RLIMIT_NOFILE, POINTER(&limit), 0);
	return error;
}
