/* Actions of signals, and what is blocked. */
#include "program.h"

static volatile int seen[65], depth;
static volatile bool blocked_inside;
static volatile long value;

static void on_signal(int signal)
{
	sigset_t set;

	seen[signal]++;
	sigprocmask(SIG_BLOCK, NULL, &set);
	blocked_inside = sigismember(&set, SIGUSR2) && !sigismember(&set, signal);
}

static void on_value(int signal, siginfo_t *info, void *context)
{
	(void)context;
	seen[signal]++;
	value = info->si_value.sival_int;
}

int main(void)
{
	struct sigaction nodefer = {.sa_handler = on_signal, .sa_flags = SA_NODEFER | SA_RESTART}, once = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction with_value = {.sa_sigaction = on_value, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP}, found;
	sigset_t set;
	union sigval given = {.sival_int = 99};
	char *fault = NULL;

	sigaddset(&nodefer.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &nodefer, NULL);
	sigaction(SIGHUP, &once, NULL);
	sigaction(SIGRTMAX, &with_value, NULL);
	sigaction(SIGCHLD, &with_value, NULL);
	sigaction(SIGSEGV, &nodefer, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(34, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGRTMIN + 9);
	sigprocmask(SIG_BLOCK, &set, NULL);
	checkpoint();
	raise(SIGUSR1);
	CHECK(seen[SIGUSR1] == 1 && blocked_inside, "SA_NODEFER and a mask");
	raise(SIGHUP);
	sigaction(SIGHUP, NULL, &found);
	CHECK(seen[SIGHUP] == 1 && found.sa_handler == SIG_DFL, "SA_RESETHAND");
	sigqueue(getpid(), SIGRTMAX, given);
	CHECK(seen[SIGRTMAX] == 1 && value == 99, "a signal with a value");
	raise(SIGTERM);
	raise(SIGPIPE);
	raise(SIGWINCH);
	sigpending(&set);
	CHECK(sigismember(&set, SIGWINCH), "a signal that is blocked");
	(void)fault;
	return finish();
}
