/*
 * The restore tape (tape.gen.h, docs/tape-format.md) as bytes in memory. Nothing of it is used before tape_open has looked at all of it:
 * a tape that passes opens nothing but existing files by clean paths, maps nothing into its hole, over crac-init, the vDSO or another
 * mapping, uses no descriptor that is not open, and jumps nowhere but forward. The rules and their order are those of
 * images/tape/codec.ts and validate.ts.
 */
#ifndef TAPE_H
#define TAPE_H

#include "tape.gen.h"

struct tape {
	const u8 *bytes;
	usize size;
	const struct tape_header *header;
	const u8 *data;
	usize data_size;
};

#define TAPE_NO_STEP 0xffffffffu

/* How much memory tape_open works in, at least 1, for bytes that are no tape as well. In most of it nothing is ever written. */
usize tape_scratch_bytes(const void *bytes, usize size);

/*
 * 0, or the first rule that is broken; `step` becomes the index of the step that breaks it, or TAPE_NO_STEP. `bytes` has to be aligned
 * to 8 and to stay. `scratch` is needed only until it returns, aligned to 8, and of any content.
 */
enum tape_error tape_open(const void *bytes, usize size, void *scratch, struct tape *tape, u32 *step);

const void *tape_rows(const struct tape *tape, struct record_table table);

/* A rule of images/tape/calls.ts. Packed, since there are many. */
struct tape_rule {
	u8 kind; /* enum tape_argument */
	u32 limit;
	u32 need;
} __attribute__((packed));

/* What crac-init does itself. */
#define TAPE_OWN 0x3fffu

struct tape_call_rules {
	u16 system_call : 14; /* __NR_…, or TAPE_OWN */
	u16 result : 2; /* enum tape_result */
	u8 rules[6]; /* of the arguments, for tape_rule */
};

/* NULL: there is no such call. */
const struct tape_call_rules *tape_call_rules(u8 call);
const struct tape_rule *tape_rule(const struct tape_call_rules *call, u32 argument);

#endif
