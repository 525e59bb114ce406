/* What the clock shim of a restored JVM reads; see clock_shim_ARCH.c. */
#ifndef CLOCK_SHIM_H
#define CLOCK_SHIM_H

#include "sys.h"

/* A name that is one in C as well: the linker defines __start_NAME and __stop_NAME for such sections. */
#define CLOCK_SHIM_SECTION "clock_shim"
#define CLOCK_SHIM_UNKNOWN INT64_MIN

/* The page behind the code. */
struct clock_shim {
	int (*gettime)(int, timespec *);
	int (*timedwait)(void *, void *, const timespec *);
	timespec dumped; /* CLOCK_MONOTONIC at the dump, as the application saw it */
	s64 jump;	 /* seconds << 30 | nanoseconds that the clock is ahead of the application's; CLOCK_SHIM_UNKNOWN before the first question */
};

extern const u8 __start_clock_shim[];
extern const u8 __stop_clock_shim[];

int clock_shim_gettime(int clock, timespec *now);
int clock_shim_timedwait(void *condition, void *mutex, const timespec *deadline);

#endif
