/* PID 1 of a container: restores the application or starts it cold, and stays with it. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "init.h"

/* The exit status of the container. */
int run_time(struct init *init);

/* The trace line on the standard error; a restorer, a mode or a code that is NULL is null there. */
void trace_tell(const struct init *init, u64 resumed_ns, const char *restorer, const char *mode, const char *cold);

#endif
