/* mem.c under other names (see the compiler's -D), with the functions of the host's libc as the oracle. */
#include <stdlib.h>
#include "tap.h"

void *own_memcpy(void *restrict to, const void *restrict from, size_t size);
void *own_memmove(void *to, const void *from, size_t size);
void *own_memset(void *at, int byte, size_t size);
int own_memcmp(const void *left, const void *right, size_t size);

#define ROOM 64

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

int main(void)
{
	bool good = true;

	srand(1);
	for (int round = 0; round < 20000; round++) {
		unsigned char own[ROOM];
		unsigned char expected[ROOM];
		size_t from = (size_t)rand() % ROOM;
		size_t to = (size_t)rand() % ROOM;
		size_t size = (size_t)rand() % (ROOM - (from > to ? from : to) + 1);
		int byte = rand();

		for (int i = 0; i < ROOM; i++)
			own[i] = expected[i] = (unsigned char)(rand() % 3);
		good = good && sign(own_memcmp(own + from, own + to, size)) == sign(memcmp(own + from, own + to, size));
		own_memmove(own + to, own + from, size);
		memmove(expected + to, expected + from, size);
		good = good && memcmp(own, expected, ROOM) == 0;
		if (from + size <= to || to + size <= from)
			own_memcpy(own + to, own + from, size);
		if (from + size <= to || to + size <= from)
			memcpy(expected + to, expected + from, size);
		good = good && memcmp(own, expected, ROOM) == 0;
		own_memset(own + to, byte, size);
		memset(expected + to, byte, size);
		good = good && memcmp(own, expected, ROOM) == 0;
	}
	CHECK(good);
	TAP_END();
	return 0;
}
