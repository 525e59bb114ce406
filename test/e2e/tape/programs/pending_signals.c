/* Signals that are blocked and wait: of the process and of threads, with values, in their order. */
#include "program.h"
#include <pthread.h>
#include <semaphore.h>

static sem_t ready_, go;
static volatile int of_thread, of_thread_value, of_thread_code;

static int next(sigset_t *set, siginfo_t *info)
{
	struct timespec none = {0, 0};

	memset(info, 0, sizeof(*info));
	return sigtimedwait(set, info, &none);
}

static void *run(void *unused)
{
	siginfo_t info;
	sigset_t set;

	sem_post(&ready_);
	while (sem_wait(&go))
		;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	of_thread = next(&set, &info);
	of_thread_code = info.si_code;
	return unused;
}

int main(void)
{
	union sigval given;
	sigset_t all;
	siginfo_t info;
	pthread_t thread;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	sem_init(&ready_, 0, 0);
	sem_init(&go, 0, 0);
	NEED(!pthread_create(&thread, NULL, run, NULL));
	while (sem_wait(&ready_))
		;
	for (int i = 1; i <= 3; i++) {
		given.sival_int = i * 11;
		NEED(!sigqueue(getpid(), SIGRTMIN + 1, given));
	}
	kill(getpid(), SIGUSR1);
	pthread_kill(thread, SIGUSR2);
	/* Of this thread. */
	raise(SIGHUP);
	checkpoint();
	sigemptyset(&all);
	sigaddset(&all, SIGRTMIN + 1);
	for (int i = 1; i <= 3; i++)
		CHECK(next(&all, &info) == SIGRTMIN + 1 && info.si_value.sival_int == i * 11 && info.si_pid == 300 && info.si_code == SI_QUEUE, "signal %d: %d", i,
		      info.si_value.sival_int);
	CHECK(next(&all, &info) == -1, "no more of them");
	sigaddset(&all, SIGUSR1);
	CHECK(next(&all, &info) == SIGUSR1 && info.si_code == SI_USER, "SIGUSR1");
	sigaddset(&all, SIGHUP);
	/* libc makes SI_USER of SI_TKILL. */
	CHECK(next(&all, &info) == SIGHUP && info.si_code == SI_USER && info.si_pid == 300, "SIGHUP");
	sigaddset(&all, SIGUSR2);
	CHECK(next(&all, &info) == -1, "a signal of another thread");
	sem_post(&go);
	pthread_join(thread, NULL);
	CHECK(of_thread == SIGUSR2 && of_thread_code == SI_USER, "a signal of a thread: %d, code %d", of_thread, of_thread_code);
	return finish();
}
