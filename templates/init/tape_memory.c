/* Which memory the steps of a tape map: found to be free of overlaps in one pass, once it is sorted. */
#include "tape_check.h"

void mapped_add(struct mapped *mapped, u64 start, u64 size)
{
	mapped->ranges[mapped->count++] = (struct range){start, start + size};
}

/* Moves the range at `root` down in a heap of `count` until no child is greater. */
static void sift_down(struct range *ranges, u32 root, u32 count)
{
	struct range moved = ranges[root];

	for (;;) {
		u32 child = 2 * root + 1;

		if (child >= count)
			break;
		if (child + 1 < count && ranges[child + 1].start > ranges[child].start)
			child++;
		if (ranges[child].start <= moved.start)
			break;
		ranges[root] = ranges[child];
		root = child;
	}
	ranges[root] = moved;
}

/* A heapsort: no tape makes it slow, and it needs no memory. */
static void sort(struct range *ranges, u32 count)
{
	for (u32 root = count / 2; root--;)
		sift_down(ranges, root, count);
	while (count-- > 1) {
		struct range last = ranges[count];

		ranges[count] = ranges[0];
		ranges[0] = last;
		sift_down(ranges, 0, count);
	}
}

bool mapped_complete(struct mapped *mapped)
{
	struct range *ranges = mapped->ranges;
	u32 joined = 0;

	if (mapped->complete)
		return true;
	sort(ranges, mapped->count);
	for (u32 i = 0; i < mapped->count; i++) {
		if (joined && ranges[i].start < ranges[joined - 1].end)
			return false;
		if (joined && ranges[i].start == ranges[joined - 1].end)
			ranges[joined - 1].end = ranges[i].end;
		else
			ranges[joined++] = ranges[i];
	}
	mapped->count = joined;
	mapped->complete = true;
	return true;
}

bool mapped_covers(const struct mapped *mapped, u64 start, u64 size)
{
	u32 low = 0;
	u32 high = mapped->count;

	/* The first that ends behind the start. */
	while (low < high) {
		u32 middle = (low + high) / 2;

		if (mapped->ranges[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < mapped->count && mapped->ranges[low].start <= start && size <= mapped->ranges[low].end - start;
}
