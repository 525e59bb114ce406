/* Starting programs, and what happens to them. */
#ifndef PROCESS_H
#define PROCESS_H

#include "init.h"

/* Blocks all signals but those of faults; they stay pending until someone takes them. */
void signals_block(signal_set *old);

/* All dispositions to their defaults, the mask to `mask`: what a program may expect. */
void signals_restore(signal_set mask);

/* As sigqueue(3). Nothing where `number` is 0. */
void signal_queue(pid process, u32 number, u64 value);

/* Finds argv[0] on PATH of envp where it has no slash, and runs it. Returns only on failure: a negative error. */
int exec_command(char *const *argv, char *const *envp);

/* From `first` on nothing open lives through an exec. */
void close_on_exec_from(u32 first);

/* What a shell would report: 128+N for signal N. */
int exit_status_of(int wait_status);

/* The exit status for a command that could not be run: 127 for "not found", else 126. */
int exit_status_of_exec(int error);

/*
 * Starts the command as a child: own process group, in the foreground of the terminal where crac-init is there, signal
 * mask as crac-init got it, and no capability that crac-init has from its file alone. The process ID or a
 * negative error.
 */
pid start_command(const struct init *init);

/* A process without which the child is lost until it has ended with status 0. */
struct companion {
	pid process; /* 0: there is none */
	u32 limit_ms; /* it has to end within this time */
	void (*release)(void); /* called when the child does not need it any more, or is gone */
};

/*
 * Lives as long as the child: forwards signals to it, reaps orphans. The exit status to end with. The child must not have
 * been reaped before.
 */
int supervise(pid child);

/* As supervise. COMPANION_LOST: the companion failed its child, and nothing of both is left. */
#define COMPANION_LOST (-1)
int supervise_with(pid child, const struct companion *companion);

/* Ends every descendant of this process, which has to be PID 1 or a subreaper. */
void kill_descendants(void);

/* Lets a descendant see that this process has ended even where PR_SET_PDEATHSIG came too late. */
struct lifeline {
	int ends[2];
};

int lifeline_make(struct lifeline *line);
void lifeline_keep(struct lifeline *line); /* in the parent */
bool lifeline_hold(struct lifeline *line); /* in the child: from now on it dies with the parent; false: the parent is dead */

#endif
