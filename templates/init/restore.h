/*
 * The seam between crac-init and what brings a process back. A restorer is a row of the table in restore.c, chosen by the
 * record's `restorer`.
 */
#ifndef RESTORE_H
#define RESTORE_H

#include "carry.h"
#include "cold.h"
#include "init.h"
#include "process.h"

struct restore {
	const struct init *init;
	u32 deadline_ms;
	pid last_pid; /* the process number that was given last; 0: not known */
	struct carry carry;
};

/*
 * The rest of what is compared, and what is carried: the application may not run before, nor do anything that is seen from outside. A restorer
 * calls it once; it takes a part of a millisecond, in which the process may be made already.
 */
bool restore_prepare(struct restore *restore, struct cold *cold);

struct restored {
	struct companion companion; /* of an application that depends on another process for a while */
	u64 resumed_ns;		    /* CLOCK_BOOTTIME when the application was let go; 0: not known */
};

struct restorer {
	const char *name;
	/* Whether the container gives the restorer what it needs; changes nothing. */
	bool (*check)(const struct init *init, struct cold *cold);
	/*
	 * Brings the application back as a child with the PID of the record. On failure nothing of it is left: no process, no
	 * file. Signals stay blocked, and what arrives stays pending for who supervises the application.
	 */
	bool (*run)(struct restore *restore, struct restored *restored, struct cold *cold);
};

extern const struct restorer restorer_criu;
extern const struct restorer restorer_tape;

const struct restorer *restorer_of(const struct record *record);
/* NULL where the restorer has no modes. */
const char *mode_name(const struct record *record);

/*
 * Waits for a child. True: it ended, with `status`. False: the time is over; the child is as it was.
 */
bool wait_until(pid child, u64 deadline_ns, int *status);

#endif
