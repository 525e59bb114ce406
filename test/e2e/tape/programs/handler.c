/* Threads within handlers of signals: on an alternate stack, on their own, one within another. They have to get back from there. */
#include "program.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

static sem_t inside, go[2];
static char alternate[65536] __attribute__((aligned(16)));
static volatile int finished;
static volatile double sum;

static void inner(int signal)
{
	(void)signal;
	sem_post(&inside);
	while (sem_wait(&go[0]))
		;
}

static void outer(int signal)
{
	char here;

	(void)signal;
	CHECK(&here >= alternate && &here < alternate + sizeof(alternate), "it is not on the stack for signals");
	raise(SIGUSR2);
	CHECK(&here >= alternate, "the way back");
}

static void alone(int signal)
{
	(void)signal;
	sem_post(&inside);
	while (sem_wait(&go[1]))
		;
}

static void check_mask(const char *what)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	CHECK(!sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGALRM) && sigismember(&mask, SIGHUP), "%s: the mask", what);
}

static void *nested(void *unused)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	double product = 1;

	sigaltstack(&stack, NULL);
	for (int i = 1; i < 10; i++)
		product *= i;
	raise(SIGUSR1);
	sum += product;
	check_mask("nested handlers");
	finished++;
	return unused;
}

static void *plain(void *unused)
{
	raise(SIGALRM);
	check_mask("a handler");
	finished++;
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = outer, .sa_flags = SA_ONSTACK};
	pthread_t threads[2];
	sigset_t mask;

	sigaddset(&action.sa_mask, SIGTERM);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_handler = inner;
	sigaction(SIGUSR2, &action, NULL);
	action.sa_handler = alone;
	action.sa_flags = 0;
	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	sem_init(&inside, 0, 0);
	sem_init(&go[0], 0, 0);
	sem_init(&go[1], 0, 0);
	NEED(!pthread_create(&threads[0], NULL, nested, NULL) && !pthread_create(&threads[1], NULL, plain, NULL));
	for (int i = 0; i < 2; i++)
		while (sem_wait(&inside))
			;
	checkpoint();
	sem_post(&go[0]);
	sem_post(&go[1]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK(finished == 2 && sum == 362880, "they do not get back");
	return finish();
}
