/* Timers that send signals, and signals that wait: both may be for a thread. */
#include "play.h"

/* asm-generic/siginfo.h: sent by tgkill. */
#define SI_TKILL (-6)

s64 play_create_timer(u32 clock, const void *event, int number)
{
	int given = -1;
	s64 error = 0;

	play_wait_for_threads();
	/* Numbers ascend, and none comes twice (kernel/time/posix-timers.c: posix_timer_add). */
	while (!error && given < number) {
		if (given >= 0)
			SYS1(timer_delete, given);
		error = SYS3(timer_create, clock, POINTER(event), POINTER(&given));
	}
	return error ? error : given - number;
}

s64 play_queue_signal(u32 tid, const struct signal_info *info)
{
	long process = (long)play.tape.header->pid;

	play_wait_for_threads();
	/* That it comes from tgkill only a thread itself may say (kernel/signal.c: do_rt_tgsigqueueinfo). */
	if (tid && info->code == SI_TKILL)
		return SYS3(tgkill, process, (long)tid, info->number);
	if (tid)
		return SYS4(rt_tgsigqueueinfo, process, (long)tid, info->number, POINTER(info));
	return SYS3(rt_sigqueueinfo, process, info->number, POINTER(info));
}
