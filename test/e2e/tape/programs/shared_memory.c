/* Memory that is shared: anonymous, and files in memory, mapped and open. */
#include "program.h"
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096ul
#define MIB (1ul << 20)
#define F_SEAL_FUTURE_WRITE 0x0010

static char *map(int fd, size_t size, int protection, int flags, size_t offset)
{
	char *at = mmap(NULL, size, protection, flags, fd, (off_t)offset);

	NEED(at != MAP_FAILED);
	return at;
}

static int file(const char *name, unsigned flags, size_t size, int seals)
{
	int fd = memfd_create(name, flags);

	NEED(fd >= 0 && !ftruncate(fd, (off_t)size));
	if (seals)
		NEED(!fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

int main(void)
{
	char *anonymous = map(-1, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);
	char *untouched = map(-1, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);
	char *split = map(-1, 32 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);
	char *twice = map(-1, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0), *second, *moved;
	int plain = file("a name", MFD_CLOEXEC, 8 * PAGE, 0), sealed = file("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC, 5000, 0);
	int heap = file("heap", MFD_CLOEXEC, 8 * MIB, 0), read_only, other, holed = file("", 0, 1ul << 32, 0), mode = file("mode", 0, PAGE, 0);
	int devzero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	char *zero = map(devzero, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	char *views[3], *private, link[64];
	char byte = 0;

	memset(anonymous, 'a', 10 * PAGE);
	memset(split, 's', 32 * PAGE);
	mprotect(split + 8 * PAGE, 8 * PAGE, PROT_READ);
	munmap(split + 20 * PAGE, 4 * PAGE);
	memset(twice, 't', 8 * PAGE);
	/* The same memory at another place: an old length of 0 duplicates it (mremap(2)). */
	second = mremap(twice, 0, 8 * PAGE, MREMAP_MAYMOVE);
	NEED(second != MAP_FAILED);
	moved = map(-1, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);
	memset(moved, 'm', 8 * PAGE);
	moved = mremap(moved, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, map(-1, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0));
	NEED(moved != MAP_FAILED);
	close(devzero);
	memset(zero, 'z', 4 * PAGE);
	pwrite(plain, "plain", 5, 3 * PAGE);
	lseek(plain, 77, SEEK_SET);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", plain);
	read_only = open(link, O_RDONLY);
	lseek(read_only, 3 * PAGE, SEEK_SET);
	other = dup(plain);
	write(sealed, "sealed", 6);
	NEED(!fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
	/* As a collector has its heap: three views of it, not all of it mapped. */
	for (int i = 0; i < 3; i++) {
		views[i] = map(-1, 16 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);
		NEED(mmap(views[i] + 2 * MIB, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, heap, 4 * MIB) != MAP_FAILED);
		NEED(mmap(views[i] + 6 * MIB, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, heap, 0) != MAP_FAILED);
	}
	memset(views[0] + 2 * MIB, 'v', 2 * MIB);
	memset(views[1] + 6 * MIB, 'w', MIB);
	private = map(heap, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, 4 * MIB);
	private[0] = 'P';
	pwrite(holed, "far", 3, (1l << 31) + 5);
	fchmod(mode, 0600);
	checkpoint();
	CHECK(anonymous[10 * PAGE - 1] == 'a' && !anonymous[10 * PAGE], "shared anonymous memory");
	CHECK(!untouched[3 * MIB], "shared memory that nobody touched");
	if (!fork()) {
		anonymous[0] = 'b';
		untouched[0] = 'c';
		zero[0] = 'd';
		_exit(0);
	}
	wait(NULL);
	CHECK(anonymous[0] == 'b' && untouched[0] == 'c' && zero[0] == 'd', "it is not shared with a child");
	CHECK(split[7 * PAGE] == 's' && split[8 * PAGE] == 's' && split[24 * PAGE] == 's' && split[32 * PAGE - 1] == 's', "shared memory in pieces");
	CHECK(twice[PAGE] == 't', "shared memory");
	twice[PAGE] = 'T';
	CHECK(second[PAGE] == 'T', "the same memory at two places");
	CHECK(moved[PAGE] == 'm', "shared memory that was moved");
	CHECK(zero[PAGE] == 'z', "shared memory of /dev/zero");
	CHECK(lseek(other, 0, SEEK_CUR) == 77, "the position of a file in memory");
	CHECK(read(read_only, link, 5) == 5 && !memcmp(link, "plain", 5), "another description of it");
	CHECK(write(read_only, "x", 1) == -1, "it is for reading");
	CHECK(pwrite(plain, "PLAIN", 5, 3 * PAGE) == 5 && pread(read_only, link, 5, 3 * PAGE) == 5 && !memcmp(link, "PLAIN", 5), "they are one file");
	CHECK(write(sealed, "x", 1) == -1 && errno == EPERM && ftruncate(sealed, 1) == -1 && pread(sealed, link, 6, 0) == 6 && !memcmp(link, "sealed", 6),
	      "seals");
	CHECK(fcntl(sealed, F_ADD_SEALS, F_SEAL_SEAL) == 0 && fcntl(plain, F_ADD_SEALS, F_SEAL_SHRINK) == -1, "adding seals");
	for (int i = 0; i < 3; i++)
		CHECK(views[i][2 * MIB] == 'v' && views[i][4 * MIB - 1] == 'v' && views[i][6 * MIB] == 'w' && !views[i][7 * MIB], "view %d", i);
	views[2][2 * MIB + PAGE] = 'V';
	CHECK(views[0][2 * MIB + PAGE] == 'V' && pread(heap, &byte, 1, 4 * MIB + PAGE) == 1 && byte == 'V', "the views are of one file");
	CHECK(private[0] == 'P' && private[2 * PAGE] == 'v', "a private view");
	CHECK(mmap(views[0] + 10 * MIB, MIB, PROT_READ, MAP_SHARED | MAP_FIXED, heap, 4 * MIB) != MAP_FAILED && views[0][10 * MIB] == 'v', "mapping it again");
	CHECK(pread(holed, link, 3, (1l << 31) + 5) == 3 && !memcmp(link, "far", 3), "a file with holes");
	CHECK(write(mode, "x", 1) == 1, "a file with another mode");
	return finish();
}
