/* Memory of every kind that is the process's alone. */
#include "program.h"
#include <sys/mman.h>
#include <sys/wait.h>

#define MIB (1ul << 20)
#define PAGE 4096ul

static char *map(size_t size, int protection, int flags)
{
	char *at = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	NEED(at != MAP_FAILED);
	return at;
}

static void fill(char *at, size_t size, int seed)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (char)(i * 31 + i / 4096 + (size_t)seed);
}

static bool is_filled(const char *at, size_t size, int seed)
{
	for (size_t i = 0; i < size; i++)
		if (at[i] != (char)(i * 31 + i / 4096 + (size_t)seed))
			return false;
	return true;
}

static bool is_zero(const char *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

static int deep(int levels)
{
	volatile char room[4000];

	room[0] = (char)levels;
	return levels ? deep(levels - 1) + room[0] * 0 : 0;
}

/* Whether a child that touches `at` in this way is killed. */
static bool is_fatal(volatile char *at, bool writes)
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		if (writes)
			*at = 1;
		else
			(void)*at;
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static char *heap, *mixed, *huge, *no_huge, *not_forked, *not_dumped, *wiped, *guarded, *locked, *sparse, *code, *down, *reserve, *random_access, *in_sequence;
static bool has_guards;
static uintptr_t growing_limit;

static const unsigned char give_42[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */

static void prepare(void)
{
	heap = sbrk(3 * MIB);
	NEED(heap != (void *)-1);
	fill(heap, 2 * MIB, 1);
	mixed = map(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	fill(mixed, 16 * PAGE, 2);
	mprotect(mixed + 2 * PAGE, 3 * PAGE, PROT_READ);
	mprotect(mixed + 5 * PAGE, PAGE, PROT_NONE);
	mprotect(mixed + 9 * PAGE, PAGE, PROT_READ | PROT_EXEC);
	munmap(mixed + 12 * PAGE, PAGE);
	huge = map(6 * MIB, PROT_READ | PROT_WRITE, 0);
	NEED(!madvise(huge, 6 * MIB, MADV_HUGEPAGE) || errno == EINVAL);
	fill(huge, 5 * MIB, 3);
	no_huge = map(MIB, PROT_READ | PROT_WRITE, 0);
	NEED(!madvise(no_huge, MIB, MADV_NOHUGEPAGE) || errno == EINVAL);
	fill(no_huge, MIB, 4);
	not_forked = map(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	fill(not_forked, 4 * PAGE, 5);
	NEED(!madvise(not_forked, 4 * PAGE, MADV_DONTFORK));
	not_dumped = map(64 * PAGE, PROT_READ | PROT_WRITE, 0);
	fill(not_dumped, 64 * PAGE, 6);
	NEED(!madvise(not_dumped, 64 * PAGE, MADV_DONTDUMP));
	wiped = map(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	fill(wiped, 4 * PAGE, 7);
	NEED(!madvise(wiped, 4 * PAGE, MADV_WIPEONFORK));
	guarded = map(32 * PAGE, PROT_READ | PROT_WRITE, 0);
	fill(guarded, 32 * PAGE, 8);
	has_guards = !madvise(guarded + 4 * PAGE, 2 * PAGE, 102) && !madvise(guarded + 31 * PAGE, PAGE, 102);
	locked = map(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	fill(locked, 4 * PAGE, 9);
	NEED(!mlock(locked, 4 * PAGE));
	sparse = map(1ul << 34, PROT_READ | PROT_WRITE, MAP_NORESERVE);
	for (int i = 0; i < 64; i++)
		fill(sparse + (size_t)i * 253 * MIB, PAGE, i);
	code = map(16 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
	for (int i = 0; i < 16; i++)
		memcpy(code + (size_t)i * PAGE, give_42, sizeof(give_42));
	/* It grows up to what nobody may touch; from other memory it keeps away by 256 pages. */
	down = map(1024 * PAGE, PROT_NONE, 0);
	munmap(down + 900 * PAGE, 124 * PAGE);
	down = mmap(down + 1000 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	NEED(down != MAP_FAILED);
	fill(down, 8 * PAGE, 10);
	reserve = map(1ul << 36, PROT_NONE, MAP_NORESERVE);
	mprotect(reserve + MIB, MIB, PROT_READ | PROT_WRITE);
	fill(reserve + MIB, MIB, 11);
	random_access = map(64 * PAGE, PROT_READ | PROT_WRITE, 0);
	fill(random_access, 64 * PAGE, 12);
	NEED(!madvise(random_access, 64 * PAGE, MADV_RANDOM));
	in_sequence = map(64 * PAGE, PROT_READ | PROT_WRITE, 0);
	fill(in_sequence, 64 * PAGE, 13);
	NEED(!madvise(in_sequence, 64 * PAGE, MADV_SEQUENTIAL));
	/* Pages that were given back. */
	NEED(!madvise(in_sequence + 8 * PAGE, 8 * PAGE, MADV_DONTNEED));
}

static void check(void)
{
	CHECK(is_filled(heap, 2 * MIB, 1) && is_zero(heap + 2 * MIB, MIB), "the heap");
	CHECK(sbrk(0) == heap + 3 * MIB, "the end of the heap is %p, not %p", sbrk(0), (void *)(heap + 3 * MIB));
	CHECK(sbrk(MIB) == heap + 3 * MIB && is_zero(heap + 3 * MIB, MIB), "the heap does not grow");
	CHECK(is_filled(mixed, 5 * PAGE, 2) && !memcmp(mixed + 9 * PAGE, (char[]){(char)(9 * PAGE * 31 + 9 + 2)}, 1), "memory with different rights");
	mprotect(mixed + 5 * PAGE, PAGE, PROT_READ);
	CHECK(mixed[5 * PAGE + 1] == (char)((5 * PAGE + 1) * 31 + 5 + 2), "a page that nothing may read");
	CHECK(is_fatal(mixed + 3 * PAGE, true) && is_fatal(mixed + 12 * PAGE, false), "rights of pages");
	CHECK(is_filled(huge, 5 * MIB, 3) && is_zero(huge + 5 * MIB, MIB), "huge pages");
	CHECK(is_filled(no_huge, MIB, 4), "no huge pages");
	CHECK(is_filled(not_forked, 4 * PAGE, 5) && is_fatal(not_forked, false), "memory that children do not get");
	CHECK(is_filled(not_dumped, 64 * PAGE, 6), "memory that is not in core dumps");
	CHECK(is_filled(wiped, 4 * PAGE, 7), "memory that is wiped in children");
	if (has_guards) {
		CHECK(is_filled(guarded, 4 * PAGE, 8) && guarded[6 * PAGE + 1] == (char)((6 * PAGE + 1) * 31 + 6 + 8), "memory with guards");
		CHECK(is_fatal(guarded + 4 * PAGE, false) && is_fatal(guarded + 5 * PAGE, true) && is_fatal(guarded + 31 * PAGE, false), "guards");
	}
	CHECK(is_filled(locked, 4 * PAGE, 9), "locked memory");
	for (int i = 0; i < 64; i++)
		CHECK(is_filled(sparse + (size_t)i * 253 * MIB, PAGE, i) && is_zero(sparse + (size_t)i * 253 * MIB + PAGE, PAGE), "page %d", i);
	for (int i = 0; i < 16; i++)
		CHECK(((int (*)(void))(void *)(code + (size_t)i * PAGE))() == 42, "code");
	CHECK(is_filled(down, 8 * PAGE, 10), "growing memory");
	down[-1] = 1;
	CHECK(is_filled(reserve + MIB, MIB, 11) && is_fatal(reserve, false) && is_fatal(reserve + 2 * MIB, false), "a reserve");
	CHECK(is_filled(random_access, 64 * PAGE, 12), "memory read at random");
	CHECK(is_filled(in_sequence, 8 * PAGE, 13) && is_zero(in_sequence + 8 * PAGE, 8 * PAGE), "memory that was given back");
	CHECK(!madvise(random_access, 64 * PAGE, MADV_DONTNEED), "madvise");
	CHECK(deep(1000) == 0, "the stack");
}

int main(void)
{
	prepare();
	deep(100);
	checkpoint();
	check();
	return finish();
}
