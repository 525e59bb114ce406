/*
 * The clock shim: two functions that a restored JVM calls in place of clock_gettime and pthread_cond_timedwait, so that its monotonic
 * clock goes on from the dump. They are not called here: their code is copied, as it is, into a file that the JVM has mapped, with a page
 * of data behind it. So they may refer to nothing but that page, at a distance that is the same here and there.
 */
#include "clock_shim.h"

#define SHIM __attribute__((section(CLOCK_SHIM_SECTION), used))
#define SHIM_PART static inline __attribute__((always_inline))
#define NS_BITS 30
#define NS_MASK ((1ll << NS_BITS) - 1)
#define NS_OF_SECOND 1000000000ll
/* Deadlines above this are real time (2001 and later); monotonic ones begin at a start of a machine. */
#define REAL_TIME_SECONDS 1000000000ll

SHIM_PART struct clock_shim *shim_data(void)
{
	struct clock_shim *data;

	__asm__("lea __start_" CLOCK_SHIM_SECTION "+4096(%%rip), %0" : "=r"(data));
	return data;
}

/*
 * The jump is fixed by whoever asks first, and the clock is read after that: so no reading lies before the dump, and the clock runs on at
 * its own rate.
 */
SHIM_PART s64 shim_jump(struct clock_shim *data)
{
	s64 known = __atomic_load_n(&data->jump, __ATOMIC_RELAXED);
	timespec now;
	s64 seconds;
	s64 jump;

	if (__builtin_expect(known != CLOCK_SHIM_UNKNOWN, 1))
		return known;
	if (data->gettime(CLOCK_MONOTONIC, &now) != 0)
		return 0;
	seconds = now.tv_sec - data->dumped.tv_sec;
	now.tv_nsec -= data->dumped.tv_nsec;
	if (now.tv_nsec < 0) {
		now.tv_nsec += NS_OF_SECOND;
		seconds--;
	}
	jump = (s64)((u64)seconds << NS_BITS) | now.tv_nsec;
	return __atomic_compare_exchange_n(&data->jump, &known, jump, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ? jump : known;
}

SHIM int clock_shim_gettime(int clock, timespec *now)
{
	struct clock_shim *data = shim_data();
	s64 jump = clock == CLOCK_MONOTONIC ? shim_jump(data) : 0;
	int result = data->gettime(clock, now);

	if (result == 0) {
		now->tv_sec -= jump >> NS_BITS;
		now->tv_nsec -= jump & NS_MASK;
		if (now->tv_nsec < 0) {
			now->tv_nsec += NS_OF_SECOND;
			now->tv_sec--;
		}
	}
	return result;
}

/*
 * Which clock the condition waits by lies where each version of glibc wants it; the deadline itself says as much. The kernel waits by its
 * own clock, so the deadline goes forward by the jump.
 */
SHIM int clock_shim_timedwait(void *condition, void *mutex, const timespec *deadline)
{
	struct clock_shim *data = shim_data();
	timespec shifted = *deadline;

	if (shifted.tv_sec < REAL_TIME_SECONDS) {
		s64 jump = shim_jump(data);

		shifted.tv_sec += jump >> NS_BITS;
		shifted.tv_nsec += jump & NS_MASK;
		if (shifted.tv_nsec >= NS_OF_SECOND) {
			shifted.tv_nsec -= NS_OF_SECOND;
			shifted.tv_sec++;
		}
	}
	return data->timedwait(condition, mutex, &shifted);
}
