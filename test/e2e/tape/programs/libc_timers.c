/* Timers of libc, one of which starts a thread when it runs out. */
#include "program.h"
#include <pthread.h>

static volatile int started, value;

static void on_end(union sigval given)
{
	value = given.sival_int;
	started++;
}

int main(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_end, .sigev_value.sival_int = 42};
	struct itimerspec time = {.it_value = {0, 300000000}};
	timer_t timer;

	NEED(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	/* libc has a thread for it, which is there when it has done something. */
	NEED(!timer_settime(timer, 0, &(struct itimerspec){.it_value = {0, 1}}, NULL));
	while (!started)
		pause_ms(10);
	pause_ms(50);
	started = value = 0;
	checkpoint();
	NEED(!timer_settime(timer, 0, &time, NULL));
	for (int i = 0; i < 200 && !started; i++)
		pause_ms(10);
	CHECK(started == 1 && value == 42, "a thread of a timer: %d times, value %d", started, value);
	CHECK(!timer_delete(timer), "deleting it");
	return finish();
}
