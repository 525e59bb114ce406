/* Functions of the vDSO before and after, and threads that hardly do anything else. */
#include "program.h"
#include <pthread.h>
#include <sched.h>

static volatile bool stop;
static volatile long calls;
static volatile int backwards;

static void *look(void *unused)
{
	struct timespec last = {0, 0}, now;

	while (!stop) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec))
			backwards++;
		last = now;
		calls++;
	}
	return unused;
}

int main(int argc, char **argv)
{
	bool busy = argc > 1 && !strcmp(argv[1], "busy");
	struct timespec monotonic, raw, after;
	struct timeval day;
	pthread_t thread;
	time_t before = time(NULL);
	long seen;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	if (busy)
		NEED(!pthread_create(&thread, NULL, look, NULL));
	while (busy && !calls)
		pause_ms(1);
	checkpoint();
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK(after.tv_sec >= monotonic.tv_sec, "the clock");
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &raw);
	CHECK(raw.tv_sec - after.tv_sec <= 1, "the clock of the vDSO");
	gettimeofday(&day, NULL);
	CHECK(day.tv_sec >= before && day.tv_sec - time(NULL) <= 1, "the date");
	CHECK(sched_getcpu() >= 0, "the CPU");
	seen = calls;
	pause_ms(50);
	CHECK(!busy || calls > seen, "a thread does not go on");
	CHECK(!backwards, "the clock went backwards");
	stop = true;
	if (busy)
		pthread_join(thread, NULL);
	return finish();
}
