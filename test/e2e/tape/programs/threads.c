/* Threads with all that the kernel keeps of each: name, nice value, mask, stack for signals, robust futexes, thread-local memory. */
#include "program.h"
#include <asm/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>

#define THREADS 5

static __thread int own_number = -1;
static __thread char own_bytes[5000];
static sem_t prepared, go[THREADS];
static pthread_mutex_t robust, plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static bool told;
static int order[2];
static char alternate[THREADS][32768] __attribute__((aligned(16)));
static volatile bool was_on_alternate[THREADS];
static unsigned long base_of_gs[4] = {1, 2, 3, 4};

static void on_signal(int number)
{
	char here;

	(void)number;
	if (own_number >= 0)
		was_on_alternate[own_number] = &here >= alternate[own_number] && &here < alternate[own_number] + sizeof(alternate[0]);
}

static void block(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *ended(void *argument)
{
	return argument;
}

static void *work(void *argument)
{
	int me = (int)(intptr_t)argument;
	stack_t stack = {.ss_sp = alternate[me], .ss_size = sizeof(alternate[me])}, found;
	char name[16];
	unsigned long gs;

	own_number = me;
	memset(own_bytes, me, sizeof(own_bytes));
	snprintf(name, sizeof(name), me == 3 ? "" : "%c, cut within \xc3\xa4", (char)(me + 48));
	pthread_setname_np(pthread_self(), name);
	setpriority(PRIO_PROCESS, 0, me * 3);
	block(SIGRTMIN + me);
	NEED(!sigaltstack(&stack, NULL));
	if (me == 2)
		NEED(!syscall(SYS_arch_prctl, ARCH_SET_GS, base_of_gs));
	if (me == 1)
		NEED(!pthread_mutex_lock(&robust));
	if (me == 4) {
		pthread_mutex_lock(&plain);
		sem_post(&prepared);
		while (!told)
			pthread_cond_wait(&condition, &plain);
		pthread_mutex_unlock(&plain);
	} else {
		sem_post(&prepared);
		while (sem_wait(&go[me]))
			CHECK(errno == EINTR, "waiting: %s", strerror(errno));
	}
	CHECK(own_number == me && own_bytes[0] == me && own_bytes[4999] == me, "memory of thread %d", me);
	raise(SIGUSR1);
	CHECK(was_on_alternate[me], "the stack for signals of thread %d", me);
	sigaltstack(NULL, &found);
	CHECK(found.ss_sp == stack.ss_sp && found.ss_size == stack.ss_size && found.ss_flags == 0, "sigaltstack of thread %d", me);
	if (me == 2) {
		__asm__("mov %%gs:8, %0" : "=r"(gs));
		CHECK(gs == 2, "the base of GS");
	}
	/* Thread 1 ends with the mutex. */
	return (void *)(intptr_t)(me + 10);
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	pthread_mutexattr_t attributes;
	pthread_t threads[THREADS], gone;
	unsigned cpu = 9999;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attributes);
	sigaction(SIGUSR1, &action, NULL);
	sem_init(&prepared, 0, 0);
	pthread_setname_np(pthread_self(), "the main one");
	block(SIGUSR2);
	for (int i = 0; i < THREADS; i++) {
		sem_init(&go[i], 0, 0);
		/* Numbers that nobody has any more. */
		for (int j = 0; j < i; j++)
			NEED(!pthread_create(&gone, NULL, ended, NULL) && !pthread_join(gone, NULL));
		NEED(!pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i));
		while (sem_wait(&prepared))
			;
	}
	own_number = 77;
	checkpoint();
	CHECK(own_number == 77, "memory of the first thread");
	/* rseq is registered: sched_getcpu reads the number there. */
	getcpu(&cpu, NULL);
	CHECK(sched_getcpu() >= 0 && cpu < 4096, "the CPU is %d", sched_getcpu());
	pthread_mutex_lock(&plain);
	told = true;
	pthread_cond_signal(&condition);
	pthread_mutex_unlock(&plain);
	for (int i = 0; i < THREADS; i++)
		sem_post(&go[i]);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		CHECK(!pthread_join(threads[i], &result) && (intptr_t)result == i + 10, "the end of thread %d", i);
	}
	CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD, "a robust mutex whose owner has ended");
	NEED(!pthread_create(&gone, NULL, ended, &told) && !pthread_join(gone, NULL));
	return finish();
}
