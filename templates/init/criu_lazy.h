/*
 * Mode lazy: `criu lazy-pages` beside the application gives it memory as it is touched (userfaultfd(2)), and the rest bit by bit. As long as
 * it has not given all, the application depends on it.
 */
#ifndef CRIU_LAZY_H
#define CRIU_LAZY_H

#include "criu_run.h"
#include "process.h"

/* Whether the container gives what it takes; else `reason` says what is missing. */
bool lazy_is_possible(struct text *reason);

/* Starts it and waits until it takes connections; the process ID, or 0: `reason` says why not, and nothing of it is left. */
pid lazy_start(const struct criu_run *run, u64 deadline_ns, struct text *reason);

/*
 * Holds the process's memory descriptors open as well: were it to die with the only ones, the kernel would fill what is missing with zeros
 * (fs/userfaultfd.c: userfaultfd_release), and the application would go on with them. So it waits instead, and can be ended.
 */
void lazy_hold(pid daemon);
/* All memory is there, or the application is gone. */
void lazy_release(void);

#endif
