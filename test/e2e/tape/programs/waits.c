/* Timed waits that are under way: each ends, with what its caller takes for an end, and not before its time where it is relative. */
#include "program.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>

#define FAR_AWAY 3600
static volatile int waiting;
static volatile bool late;

struct wait {
	const char *name;
	long (*enter)(void);
	pthread_t thread;
	volatile bool returned;
	volatile long result;
	volatile int error;
	/* What it may give: 0 or an error; it may also go on waiting. */
	long good_result;
	int good_error, other_error;
	bool goes_on;
	/* It goes on until a signal that everybody else has blocked. */
	bool wakes_by_signal;
};

static struct timespec in(clockid_t clock, long ms)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_sec += ms / 1000;
	time.tv_nsec += ms % 1000 * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_nsec -= 1000000000;
		time.tv_sec++;
	}
	return time;
}

static int word;
static long futex_absolute(void)
{
	struct timespec time = in(CLOCK_MONOTONIC, FAR_AWAY * 1000l);

	return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &time, NULL, FUTEX_BITSET_MATCH_ANY);
}

static long futex_realtime(void)
{
	struct timespec time = in(CLOCK_REALTIME, 1500);

	return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &time, NULL, FUTEX_BITSET_MATCH_ANY);
}

static long futex_relative(void)
{
	struct timespec time = {1, 0};

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &time, NULL, 0);
}

static long sleep_absolute(void)
{
	struct timespec time = in(CLOCK_MONOTONIC, FAR_AWAY * 1000l);
	int error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);

	errno = error;
	return error ? -1 : 0;
}

static long sleep_realtime(void)
{
	struct timespec time = in(CLOCK_REALTIME, 1500);
	int error = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL);

	errno = error;
	return error ? -1 : 0;
}

static long sleep_relative(void)
{
	struct timespec time = {1, 0}, left = {0, 0};
	int result = nanosleep(&time, &left);

	/* As callers do it. */
	while (result && errno == EINTR) {
		CHECK(left.tv_sec == 0 && left.tv_nsec > 0, "left of a second: %ld.%09ld", left.tv_sec, left.tv_nsec);
		time = left;
		result = nanosleep(&time, &left);
	}
	return result;
}

static long poll_long(void)
{
	return poll(NULL, 0, FAR_AWAY * 1000);
}

static long poll_short(void)
{
	return poll(NULL, 0, 1000);
}

static long ppoll_forever(void)
{
	struct pollfd entry = {.fd = 0, .events = 0};

	return ppoll(&entry, 0, NULL, NULL);
}

static long select_short(void)
{
	struct timeval time = {1, 0};

	return select(0, NULL, NULL, NULL, &time);
}

static long epoll_long(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_create1(EPOLL_CLOEXEC), &event, 1, FAR_AWAY * 1000);
}

static long sigtimedwait_long(void)
{
	struct timespec time = {FAR_AWAY, 0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, NULL, &time);
}

static long suspended(void)
{
	sigset_t all_but_one;

	sigfillset(&all_but_one);
	sigdelset(&all_but_one, SIGUSR2);
	return sigsuspend(&all_but_one);
}

static long poll_with_mask(void)
{
	sigset_t all_but_one;

	sigfillset(&all_but_one);
	sigdelset(&all_but_one, SIGUSR2);
	return ppoll(NULL, 0, NULL, &all_but_one);
}

static int ends[2];
static long reading(void)
{
	char byte;

	return read(ends[0], &byte, 1);
}

static void on_signal(int signal)
{
	(void)signal;
}

static sem_t semaphore;
static long semaphore_monotonic(void)
{
	struct timespec time = in(CLOCK_MONOTONIC, FAR_AWAY * 1000l);

	return sem_clockwait(&semaphore, CLOCK_MONOTONIC, &time);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition;
static long condition_monotonic(void)
{
	struct timespec time = in(CLOCK_MONOTONIC, FAR_AWAY * 1000l);
	int error;

	pthread_mutex_lock(&mutex);
	error = pthread_cond_timedwait(&condition, &mutex, &time);
	pthread_mutex_unlock(&mutex);
	errno = error;
	return error ? -1 : 0;
}

static struct wait waits[] = {
	{"an absolute futex wait", futex_absolute, .good_result = -1, .good_error = ETIMEDOUT},
	{"a futex wait until a date", futex_realtime, .good_result = -1, .good_error = ETIMEDOUT},
	{"a relative futex wait", futex_relative, .good_result = -1, .good_error = ETIMEDOUT, .other_error = EINTR},
	{"an absolute sleep", sleep_absolute, .good_result = 0},
	{"a sleep until a date", sleep_realtime, .good_result = 0},
	{"a relative sleep", sleep_relative, .good_result = 0},
	{"a long poll", poll_long, .good_result = -1, .good_error = EINTR, .goes_on = true},
	{"a short poll", poll_short, .good_result = 0, .other_error = EINTR},
	{"a ppoll without a time", ppoll_forever, .goes_on = true, .good_result = -1, .good_error = EINTR},
	{"a select", select_short, .good_result = 0, .other_error = EINTR},
	{"a long epoll_wait", epoll_long, .goes_on = true, .good_result = -1, .good_error = EINTR},
	{"a long sigtimedwait", sigtimedwait_long, .goes_on = true, .good_result = -1, .good_error = EINTR},
	{"a sigsuspend", suspended, .goes_on = true, .wakes_by_signal = true, .good_result = -1, .good_error = EINTR},
	{"a ppoll with a mask", poll_with_mask, .goes_on = true, .wakes_by_signal = true, .good_result = -1, .good_error = EINTR},
	{"a read", reading, .goes_on = true, .good_result = 1},
	{"sem_clockwait", semaphore_monotonic, .good_result = -1, .good_error = ETIMEDOUT},
	{"pthread_cond_timedwait", condition_monotonic, .good_result = -1, .good_error = ETIMEDOUT},
};
#define COUNT (sizeof(waits) / sizeof(*waits))

static void *run(void *argument)
{
	struct wait *wait = argument;

	__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	errno = 0;
	wait->result = wait->enter();
	wait->error = wait->result < 0 ? errno : 0;
	wait->returned = true;
	return NULL;
}

int main(void)
{
	pthread_condattr_t attributes;
	struct timespec start, now;

	struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked;

	sigaction(SIGUSR2, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	NEED(!pipe(ends));
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&condition, &attributes);
	sem_init(&semaphore, 0, 0);
	for (size_t i = 0; i < COUNT; i++)
		NEED(!pthread_create(&waits[i].thread, NULL, run, &waits[i]));
	while (waiting < (int)COUNT)
		pause_ms(1);
	pause_ms(20);
	/* Some of them have ended by then. */
	ignore_lines("thread ");
	checkpoint();
	clock_gettime(CLOCK_MONOTONIC, &start);
	pause_ms(1700);
	for (size_t i = 0; i < COUNT; i++) {
		const struct wait *wait = &waits[i];
		bool good = wait->result == wait->good_result && (wait->result >= 0 || wait->error == wait->good_error);

		if (!wait->returned)
			CHECK(wait->goes_on, "%s does not end", wait->name);
		else
			CHECK(good || (wait->result < 0 && wait->other_error && wait->error == wait->other_error), "%s gave %ld (%s)", wait->name,
			      wait->result, strerror(wait->error));
	}
	for (size_t i = 0; i < COUNT; i++)
		if (waits[i].wakes_by_signal) {
			CHECK(!waits[i].returned, "%s ended", waits[i].name);
			pthread_kill(waits[i].thread, SIGUSR2);
			pthread_join(waits[i].thread, NULL);
			CHECK(waits[i].result == -1 && waits[i].error == EINTR, "%s gave %ld", waits[i].name, waits[i].result);
		}
	write(ends[1], "x", 1);
	pause_ms(50);
	CHECK(waits[COUNT - 3].returned && waits[COUNT - 3].result == 1, "a read does not end");
	(void)now;
	(void)late;
	return finish();
}
