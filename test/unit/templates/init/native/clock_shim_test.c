/* Calls the functions of a file of the clock shim, mapped as a restored JVM has it, on top of clocks of this test's own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "tap.h"

struct shim {
	int (*gettime)(clockid_t, struct timespec *);
	int (*timedwait)(void *, void *, const struct timespec *);
	struct timespec dumped;
	long long jump;
};

static struct timespec monotonic;
static struct timespec waited;
static int gettime_fails;
static int calls;

static int fake_gettime(clockid_t clock, struct timespec *now)
{
	calls++;
	if (gettime_fails)
		return -1;
	if (clock == CLOCK_MONOTONIC)
		*now = monotonic;
	else
		*now = (struct timespec){1700000000 + clock, 5};
	return 0;
}

static int fake_timedwait(void *condition, void *mutex, const struct timespec *deadline)
{
	waited = *deadline;
	return condition == &waited && mutex == &monotonic ? 110 : 0;
}

static int is(struct timespec time, long long seconds, long ns)
{
	return time.tv_sec == seconds && time.tv_nsec == ns;
}

/* That of libc itself: the kernel takes no negative time (futex(2)). */
static int ends_at_once(struct timespec deadline)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_condattr_t attributes;
	pthread_cond_t condition;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&condition, &attributes);
	pthread_mutex_lock(&mutex);
	return pthread_cond_timedwait(&condition, &mutex, &deadline) == ETIMEDOUT;
}

int main(int argc, char **argv)
{
	int fd = argc == 4 ? open(argv[1], O_RDONLY) : -1;
	unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	struct shim *data = mmap(code + 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 4096);
	int (*gettime)(clockid_t, struct timespec *);
	int (*timedwait)(void *, void *, const struct timespec *);
	struct timespec now;
	struct timespec deadline;
	unsigned char *entry;

	if (code == MAP_FAILED || data == MAP_FAILED)
		return 2;
	entry = code + atoi(argv[2]);
	memcpy(&gettime, &entry, sizeof(entry));
	entry = code + atoi(argv[3]);
	memcpy(&timedwait, &entry, sizeof(entry));
	tap(is(data->dumped, 60, 900000000) && data->jump == LLONG_MIN, "the data of the file", NULL);
	data->gettime = fake_gettime;
	data->timedwait = fake_timedwait;

	/* A host that is ahead; nanoseconds are borrowed and carried. */
	monotonic = (struct timespec){100000, 100000000};
	tap(gettime(CLOCK_MONOTONIC, &now) == 0 && is(now, 60, 900000000), "the first question gets the time of the dump", NULL);
	monotonic = (struct timespec){100001, 0};
	tap(gettime(CLOCK_MONOTONIC, &now) == 0 && is(now, 61, 800000000), "the clock runs on", NULL);
	calls = 0;
	gettime(CLOCK_MONOTONIC, &now);
	tap(calls == 1, "one reading a question", NULL);
	tap(gettime(CLOCK_REALTIME, &now) == 0 && is(now, 1700000000, 5), "real time is left alone", NULL);
	tap(gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0 && is(now, 1700000000 + CLOCK_THREAD_CPUTIME_ID, 5), "processor time is left alone", NULL);
	deadline = (struct timespec){70, 999999999};
	tap(timedwait(&waited, &monotonic, &deadline) == 110 && is(waited, 100010, 199999999), "a deadline goes to the kernel's clock", NULL);
	tap(is(deadline, 70, 999999999), "the caller's deadline stays", NULL);
	deadline = (struct timespec){1700000000, 7};
	tap(timedwait(&waited, &monotonic, &deadline) == 110 && is(waited, 1700000000, 7), "a deadline in real time is left alone", NULL);

	/* A host that is behind, asked by a wait first. */
	data->jump = LLONG_MIN;
	monotonic = (struct timespec){5, 950000000};
	deadline = (struct timespec){61, 0};
	tap(timedwait(&waited, &monotonic, &deadline) == 110 && is(waited, 6, 50000000), "a host that is behind: a deadline", NULL);
	tap(gettime(CLOCK_MONOTONIC, &now) == 0 && is(now, 60, 900000000), "a host that is behind: the clock", NULL);

	deadline = (struct timespec){10, 0};
	tap(timedwait(&waited, &monotonic, &deadline) == 110 && is(waited, -45, 50000000), "a deadline before the start of the host is one", NULL);

	/* By more than a day; each reading and each deadline with its own carry. */
	data->jump = LLONG_MIN;
	data->dumped = (struct timespec){200000, 900000000};
	monotonic = (struct timespec){100000, 100000000};
	tap(gettime(CLOCK_MONOTONIC, &now) == 0 && is(now, 200000, 900000000), "a day behind: the first question", NULL);
	monotonic.tv_nsec = 199999999;
	tap(gettime(CLOCK_MONOTONIC, &now) == 0 && is(now, 200000, 999999999), "a day behind: up to the second", NULL);
	monotonic.tv_nsec = 200000000;
	tap(gettime(CLOCK_MONOTONIC, &now) == 0 && is(now, 200001, 0), "a day behind: into the next second", NULL);
	monotonic = (struct timespec){300001, 0};
	tap(gettime(CLOCK_MONOTONIC, &now) == 0 && is(now, 400001, 800000000), "a day behind: a day later", NULL);
	deadline = (struct timespec){200001, 799999999};
	timedwait(&waited, &monotonic, &deadline);
	tap(is(waited, 100000, 999999999), "a day behind: a deadline", NULL);
	deadline.tv_nsec = 800000000;
	timedwait(&waited, &monotonic, &deadline);
	tap(is(waited, 100001, 0), "a day behind: a deadline in the next second", NULL);

	data->jump = LLONG_MIN;
	gettime_fails = 1;
	tap(gettime(CLOCK_MONOTONIC, &now) == -1 && data->jump == LLONG_MIN, "a failing clock fixes nothing", NULL);
	tap(ends_at_once((struct timespec){-45, 50000000}), "libc takes a deadline before the start of the host as one that is over", NULL);
	TAP_END();
	return 0;
}
