/* Between the files that check a tape. */
#ifndef TAPE_CHECK_H
#define TAPE_CHECK_H

#include "tape.h"

#define PAGE_BYTES 4096u

struct range {
	u64 start;
	u64 end;
};

static inline bool ranges_overlap(struct range a, struct range b)
{
	return a.start < b.end && b.start < a.end;
}

/* The range of `size` bytes at `start`; false where it is empty or leaves user space. */
static inline bool range_at(u64 start, u64 size, struct range *range)
{
	range->start = start;
	range->end = start + size;
	return size && start <= TAPE_USER_SPACE_END && size <= TAPE_USER_SPACE_END - start;
}

/* The hole, crac-init, the vDSO and its areas: nothing of the application is there. */
struct reserved {
	struct range ranges[3 + TAPE_VDSO_MAX_AREAS];
	u32 count;
};

/* Whether the range is in user space and free for the application. */
bool range_is_free(const struct reserved *reserved, u64 start, u64 size);

/* Whether so many bytes lie in the data, behind the eight zero bytes it begins with, at a multiple of `alignment`. */
bool tape_has_bytes(const struct tape *tape, u64 offset, u64 size, u64 alignment);

/* Whether the arguments of a step keep to the rules of its call. `vectors` counts those of all steps. */
bool arguments_are_good(const struct tape *tape, const struct reserved *reserved, const struct tape_step *step, u64 *vectors);

/* Everything but the steps: tape_process.c. */
enum tape_error check_process(const struct tape *tape, struct reserved *reserved);

/* Memory that steps map. Grows until it is asked for; then it is ascending, and neighbours are joined. */
struct mapped {
	struct range *ranges;
	u32 count;
	bool complete;
};

void mapped_add(struct mapped *mapped, u64 start, u64 size);
/* False where something is mapped twice. */
bool mapped_complete(struct mapped *mapped);
/* Whether all of it is mapped; it has to be complete. */
bool mapped_covers(const struct mapped *mapped, u64 start, u64 size);

/* A word has the bits of 64 descriptors; of each word there are as many as there are sets. */
#define DESCRIPTOR_SETS 3
/* From the steps that may fail two ways lead on. */
#define MAX_ARRIVALS (2 * TAPE_MAX_OPTIONAL)

static inline usize descriptor_words(u32 limit)
{
	return (limit / 64 + 1) * DESCRIPTOR_SETS;
}

enum tape_error check_steps(const struct tape *tape, const struct reserved *reserved, void *scratch, u32 *step);

#endif
