/* Process numbers. The allocator of a PID namespace gives them in order and comes back to none before it has been around (kernel/pid.c:
 * alloc_pid), so that using numbers up leads to the one that is wanted, without any right. */
#ifndef PIDS_H
#define PIDS_H

#include "sys.h"

/* Uses up the next number by a child that ends at once, and returns it; or a negative error. */
pid pids_next(void);

/*
 * Uses up the numbers behind `last`, the one that was given last, so that `wanted` comes next; `used` is added to. 0 or a negative error:
 * -ERANGE where it has passed already, -EAGAIN at the limits of the container. Other processes that start meanwhile take numbers as well:
 * only a process that is started then shows whether it was met. No other thread may open files meanwhile.
 */
int pids_advance(pid last, pid wanted, u32 *used);

#endif
