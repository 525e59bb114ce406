/* Started in a PID namespace of its own: numbers are used up, and the wanted one comes next. */
#include "tap.h"
#include "../../../../../templates/init/pids.h"

/* crac-init has it in its start file. */
long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return result;
}

int main(void)
{
	u32 used = 0;
	pid first = pids_next();
	pid child;
	int status;

	tap(first > 1, "a number", NULL);
	tap(pids_next() == first + 1, "the next one", NULL);
	tap(pids_advance(first + 1, first + 40, &used) == 0 && used == 38, "38 more", NULL);
	child = sys_fork();
	if (child == 0)
		sys_exit_group(7);
	tap(child == first + 40, "the wanted number", NULL);
	tap(sys_wait4(child, &status, 0) == child && status == 7 << 8, "of a child like any other", NULL);
	tap(pids_advance(child, child + 1, &used) == 0 && used == 38, "nothing to be used up", NULL);
	tap(pids_advance(child, child, &used) == -ERANGE, "a number that was given already", NULL);
	tap(sys_wait4(-1, &status, __WALL) == -ECHILD, "no child is left", NULL);
	TAP_END();
	return 0;
}
