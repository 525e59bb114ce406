#include "mem.h"

/* GCC may compile a loop that copies into a call of memcpy: these would then call themselves. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

void *memcpy(void *restrict to, const void *restrict from, usize size)
{
	u8 *target = to;
	const u8 *source = from;

	while (size--)
		*target++ = *source++;
	return to;
}

void *memmove(void *to, const void *from, usize size)
{
	u8 *target = to;
	const u8 *source = from;

	if (target <= source)
		return memcpy(to, from, size);
	while (size--)
		target[size] = source[size];
	return to;
}

void *memset(void *at, int byte, usize size)
{
	u8 *target = at;

	while (size--)
		*target++ = (u8)byte;
	return at;
}

int memcmp(const void *left, const void *right, usize size)
{
	const u8 *a = left;
	const u8 *b = right;

	for (; size--; a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}
