/* Nanoseconds of the kernel's clocks. */
#ifndef CLOCK_H
#define CLOCK_H

#include "sys.h"

#define NS_PER_SECOND 1000000000ull
#define NS_PER_MS 1000000ull

static inline u64 clock_ns(int clock)
{
	timespec now = {0};

	sys_clock_gettime(clock, &now);
	return (u64)now.tv_sec * NS_PER_SECOND + (u64)now.tv_nsec;
}

static inline timespec timespec_of(u64 ns)
{
	timespec time = {(s64)(ns / NS_PER_SECOND), (s64)(ns % NS_PER_SECOND)};

	return time;
}

#endif
