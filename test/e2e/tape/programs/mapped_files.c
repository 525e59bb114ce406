/* Mapped files: private with changes, shared, deleted, behind their end. */
#include "program.h"
#include <sys/mman.h>

#define PAGE 4096ul

static int make(const char *path, size_t size, char letter)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char *bytes = malloc(size);

	NEED(fd >= 0);
	memset(bytes, letter, size);
	NEED(write(fd, bytes, size) == (ssize_t)size);
	free(bytes);
	return fd;
}

static char *map(int fd, size_t size, int protection, int flags, off_t offset)
{
	char *at = mmap(NULL, size, protection, flags, fd, offset);

	NEED(at != MAP_FAILED);
	return at;
}

int main(void)
{
	int private_file = make("/app/private", 64 * PAGE, 'p'), shared_file = make("/app/shared", 16 * PAGE, 's');
	int read_file = make("/app/read", 16 * PAGE, 'r'), deleted_file = make("/app/deleted", 16 * PAGE, 'd');
	int short_file = make("/app/short", 5000, 'k'), offset_file = make("/app/offset", 8 * PAGE, 'o');
	char *private = map(private_file, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	char *shared = map(shared_file, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	char *again = map(shared_file, 8 * PAGE, PROT_READ, MAP_SHARED, 4 * PAGE);
	char *read_only = map(read_file, 16 * PAGE, PROT_READ, MAP_PRIVATE, 0);
	char *deleted = map(deleted_file, 16 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
	char *deleted_shared = map(deleted_file, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	char *short_one = map(short_file, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	char *offset = map(offset_file, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 2 * PAGE);

	for (int i = 0; i < 64; i += 3)
		private[i * (int)PAGE + 5] = 'P';
	memset(private + 40 * PAGE, 'Q', 12 * PAGE);
	mprotect(private + 50 * PAGE, 4 * PAGE, PROT_READ);
	shared[5 * PAGE] = 'S';
	close(private_file);
	close(read_file);
	close(short_file);
	close(offset_file);
	unlink("/app/deleted");
	close(deleted_file);
	short_one[100] = 'K';
	offset[PAGE] = 'O';
	checkpoint();
	for (int i = 0; i < 40; i++)
		CHECK(private[i * (int)PAGE + 5] == (i % 3 ? 'p' : 'P') && private[i * (int)PAGE + 6] == 'p', "page %d of a private file", i);
	for (size_t i = 40 * PAGE; i < 52 * PAGE; i++)
		if (private[i] != (i % PAGE == 5 && i / PAGE % 3 == 0 ? 'Q' : 'Q')) {
			WRONG("byte %zu of a private file", i);
			break;
		}
	CHECK(shared[5 * PAGE] == 'S' && again[PAGE] == 'S', "a shared file");
	shared[6 * PAGE] = 'T';
	CHECK(again[2 * PAGE] == 'T', "a shared file is mapped twice");
	{
		char letter = 0;

		CHECK(pread(shared_file, &letter, 1, 6 * PAGE) == 1 && letter == 'T', "what is written to shared memory is in its file");
	}
	CHECK(read_only[15 * PAGE] == 'r', "a file");
	deleted_shared[0] = 'D';
	CHECK(deleted[0] == 'D' && deleted[15 * PAGE] == 'd', "a deleted file");
	CHECK(short_one[100] == 'K' && short_one[4999] == 'k' && short_one[5001] == 0, "a short file");
	CHECK(offset[0] == 'o' && offset[PAGE] == 'O' && offset[4 * PAGE - 1] == 'o', "a part of a file");
	return finish();
}
