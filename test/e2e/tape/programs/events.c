/* Counters, epoll sets, timers and signals as descriptors. */
#include "program.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static void add(int set, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	NEED(!epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
}

static uint64_t next_of(int set, int ms, uint32_t *events)
{
	struct epoll_event event = {0};

	if (epoll_wait(set, &event, 1, ms) != 1)
		return 0;
	if (events)
		*events = event.events;
	return event.data.u64;
}

static int timer(int clock, int flags, int set_flags, long seconds, long ns, long every)
{
	int fd = timerfd_create(clock, flags);
	struct itimerspec time = {.it_value = {seconds, ns}, .it_interval = {every, 0}};

	NEED(fd >= 0 && !timerfd_settime(fd, set_flags, &time, NULL));
	return fd;
}

static long left_of(int fd)
{
	struct itimerspec time;

	timerfd_gettime(fd, &time);
	return time.it_value.tv_sec * 1000 + time.it_value.tv_nsec / 1000000;
}

int main(void)
{
	int plain = eventfd(7, EFD_CLOEXEC), semaphore = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK), empty = eventfd(0, EFD_NONBLOCK), large = eventfd(0, 0);
	int pipe_[2], edge = epoll_create1(EPOLL_CLOEXEC), outer = epoll_create1(0), once = epoll_create1(0), gone = eventfd(0, 0), moved;
	int relative, absolute, periodic, expired, stopped, realtime, signals;
	struct timespec now;
	uint64_t value = 0xfffffff0ull, ticks;
	uint32_t events = 0;
	sigset_t set;
	char room[4096] __attribute__((aligned(8)));

	NEED(write(large, &value, 8) == 8);
	NEED(!pipe(pipe_));
	add(edge, pipe_[0], EPOLLIN | EPOLLET | EPOLLRDHUP, 0x1234567890abcdefull);
	add(edge, empty, EPOLLIN, 2);
	add(outer, edge, EPOLLIN, 3);
	add(outer, plain, 0, 33);
	add(once, empty, EPOLLIN | EPOLLONESHOT, 4);
	clock_gettime(CLOCK_MONOTONIC, &now);
	relative = timer(CLOCK_MONOTONIC, TFD_CLOEXEC, 0, 1, 0, 0);
	absolute = timer(CLOCK_MONOTONIC, 0, TFD_TIMER_ABSTIME, now.tv_sec + 100, now.tv_nsec, 0);
	periodic = timer(CLOCK_BOOTTIME, TFD_NONBLOCK, 0, 50, 0, 60);
	expired = timer(CLOCK_MONOTONIC, 0, 0, 0, 1000, 100);
	pause_ms(10);
	stopped = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
	clock_gettime(CLOCK_REALTIME, &now);
	realtime = timer(CLOCK_REALTIME, 0, TFD_TIMER_ABSTIME, now.tv_sec + 200, 0, 0);
	add(outer, relative, EPOLLIN, 6);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	close(gone);
	/* Times become what is left until them. */
	ignore_lines("descriptor 14 settime flags");
	ignore_lines("descriptor 18 settime flags");
	checkpoint();
	CHECK(read(plain, &ticks, 8) == 8 && ticks == 7, "a counter");
	for (int i = 0; i < 3; i++)
		CHECK(read(semaphore, &ticks, 8) == 8 && ticks == 1, "a semaphore");
	CHECK(read(semaphore, &ticks, 8) == -1 && errno == EAGAIN, "a semaphore");
	CHECK(read(large, &ticks, 8) == 8 && ticks == value, "a large counter is %llx", (long long)ticks);
	CHECK(next_of(edge, 0, NULL) == 0, "nothing has happened yet");
	write(pipe_[1], "x", 1);
	CHECK(next_of(outer, 100, NULL) == 3, "a nested set");
	CHECK(next_of(edge, 100, &events) == 0x1234567890abcdefull && events == EPOLLIN, "an edge");
	CHECK(next_of(edge, 0, NULL) == 0, "an edge comes once");
	value = 9;
	write(empty, &value, 8);
	CHECK(next_of(edge, 0, NULL) == 2 && next_of(edge, 0, NULL) == 2, "a level");
	CHECK(next_of(once, 0, NULL) == 4 && next_of(once, 0, NULL) == 0, "once");
	CHECK(read(relative, &ticks, 8) == 8 && ticks == 1, "a timer");
	CHECK(left_of(absolute) > 80000 && left_of(absolute) < 100000, "left of a timer: %ld ms", left_of(absolute));
	CHECK(left_of(periodic) > 30000 && left_of(periodic) < 50000, "left of a periodic timer: %ld ms", left_of(periodic));
	CHECK(read(expired, &ticks, 8) == 8 && ticks == 1, "a timer that has run out: %lld", (long long)ticks);
	CHECK(left_of(expired) > 80000, "left of a timer that has run out: %ld", left_of(expired));
	CHECK(left_of(stopped) == 0, "a timer that is not set");
	CHECK(left_of(realtime) > 170000 && left_of(realtime) < 200000, "left of a timer with a date: %ld ms", left_of(realtime));
	raise(SIGRTMIN + 3);
	CHECK(read(signals, room, sizeof(room)) == sizeof(struct signalfd_siginfo), "signals");
	return finish();
}
