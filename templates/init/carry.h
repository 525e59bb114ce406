/*
 * What the application had made outside of the image (under mount points, in /tmp) is in the checkpoint, and is made again here
 * where it is missing. Nothing is overwritten but what the record says to refresh. What was made for a restore that then failed
 * is removed again: a cold start must not find a lock of a process that never ran here. (Parent directories
 * without a row of their own stay.)
 */
#ifndef CARRY_H
#define CARRY_H

#include "cold.h"
#include "init.h"

struct carry {
	const struct record *record;
	u64 *made; /* a row's inode number where it was made, else 0 */
	bool use_private; /* perf data could not be made: restore the variant whose mapping of it is private */
};

bool carry_make(const struct record *record, struct carry *carry, struct cold *cold);
void carry_undo(struct carry *carry);
/* Gives back the memory of a carry that is to stay. */
void carry_keep(struct carry *carry);

#endif
