/* POSIX timers and timers of the process. */
#include "program.h"
#include <sys/mman.h>

/* Those of the kernel: libc has structures of its own around them. */
static int create(clockid_t clock, int notify, int signal, long value, int tid)
{
	struct sigevent event = {.sigev_notify = notify, .sigev_signo = signal, .sigev_value.sival_ptr = (void *)value};
	int id = -1;

	event._sigev_un._tid = tid;
	NEED(!syscall(SYS_timer_create, clock, notify < 0 ? NULL : &event, &id));
	return id;
}

static void set(int id, int flags, long ms, long every_ms)
{
	struct itimerspec time = {.it_value = {ms / 1000, ms % 1000 * 1000000}, .it_interval = {every_ms / 1000, every_ms % 1000 * 1000000}};

	NEED(!syscall(SYS_timer_settime, id, flags, &time, NULL));
}

static long left_of(int id, long *every)
{
	struct itimerspec time = {0};

	if (syscall(SYS_timer_gettime, id, &time))
		return -errno;
	if (every)
		*every = time.it_interval.tv_sec * 1000 + time.it_interval.tv_nsec / 1000000;
	return time.it_value.tv_sec * 1000 + time.it_value.tv_nsec / 1000000;
}

static volatile int fired;
static volatile long fired_value;
static volatile int fired_id = -1, fired_thread;

static void on_timer(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	fired++;
	fired_value = (long)info->si_value.sival_ptr;
	fired_id = info->si_timerid;
	fired_thread = (int)syscall(SYS_gettid);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
	struct itimerval real = {{50, 0}, {40, 0}}, virtual = {{0, 0}, {30, 0}}, found;
	int soon, periodic, silent, of_thread, stopped, usual, of_process, boot, gone[3], old;
	struct timespec now;
	long every, left;

	sigaction(SIGRTMIN + 2, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	/* Numbers that nobody has any more: the next one is 3, then 5. */
	for (int i = 0; i < 3; i++)
		gone[i] = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, 0);
	for (int i = 0; i < 3; i++)
		syscall(SYS_timer_delete, gone[i]);
	soon = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 2, 0x1234567812345678l, 0);
	syscall(SYS_timer_delete, create(CLOCK_REALTIME, SIGEV_NONE, 0, 0, 0));
	periodic = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN + 2, 2, 0);
	silent = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, 0);
	of_thread = create(CLOCK_BOOTTIME, SIGEV_THREAD_ID, SIGRTMIN + 2, 4, (int)syscall(SYS_gettid));
	stopped = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 2, 5, 0);
	usual = create(CLOCK_MONOTONIC, -1, 0, 0, 0);
	of_process = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_NONE, 0, 0, 0);
	boot = create(CLOCK_BOOTTIME, SIGEV_NONE, 0, 0, 0);
	/* 60 s: the signal must not come before the dump; what is left afterwards is looked at. */
	set(soon, 0, 60000, 0);
	set(periodic, 0, 70000, 5000);
	set(silent, 0, 80000, 0);
	set(of_thread, 0, 1000, 0);
	set(of_process, 0, 50000, 0);
	clock_gettime(CLOCK_BOOTTIME, &now);
	set(boot, TIMER_ABSTIME, now.tv_sec * 1000 + 90000, 0);
	NEED(!setitimer(ITIMER_REAL, &real, NULL) && !setitimer(ITIMER_VIRTUAL, &virtual, NULL));
	checkpoint();
	for (int i = 0; i < 200 && !fired; i++)
		pause_ms(10);
	CHECK(fired == 1 && fired_value == 4 && fired_id == of_thread && fired_thread == 300, "a timer of a thread: %d times, value %ld, timer %d, thread %d",
	      fired, fired_value, fired_id, fired_thread);
	left = left_of(soon, NULL);
	CHECK(left > 40000 && left < 60000, "left of a timer: %ld", left);
	left = left_of(periodic, &every);
	CHECK(left > 50000 && left < 70000 && every == 5000, "left of a periodic timer: %ld, every %ld", left, every);
	left = left_of(silent, NULL);
	CHECK(left > 60000 && left < 80000, "left of a timer without a signal: %ld", left);
	left = left_of(of_process, NULL);
	CHECK(left > 40000 && left <= 50000, "left of a timer of CPU time: %ld", left);
	left = left_of(boot, NULL);
	CHECK(left > 60000 && left < 90000, "left of a timer set to a time: %ld", left);
	CHECK(left_of(stopped, NULL) == 0 && left_of(usual, NULL) == 0, "timers that are not set");
	CHECK(left_of(gone[0], NULL) == -EINVAL, "a timer that was deleted");
	fired = 0;
	set(soon, 0, 10, 0);
	pause_ms(100);
	CHECK(fired == 1 && fired_value == 0x1234567812345678l && fired_id == soon, "a timer: %d times, value %lx", fired, fired_value);
	set(usual, 0, 10, 0);
	pause_ms(100);
	CHECK(fired == 2 && fired_value == usual, "a timer without an event: value %ld", fired_value);
	getitimer(ITIMER_REAL, &found);
	CHECK(found.it_value.tv_sec > 20 && found.it_value.tv_sec < 40 && found.it_interval.tv_sec == 50, "ITIMER_REAL has %ld s", found.it_value.tv_sec);
	getitimer(ITIMER_VIRTUAL, &found);
	CHECK(found.it_value.tv_sec >= 29 && found.it_value.tv_sec <= 30, "ITIMER_VIRTUAL has %ld s", found.it_value.tv_sec);
	old = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, 0);
	CHECK(old > boot, "the next timer is %d", old);
	return finish();
}
