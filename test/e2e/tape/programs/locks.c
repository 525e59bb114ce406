/* Locks of files: of the process, of descriptions, of whole files. */
#include "program.h"
#include <sys/file.h>
#include <sys/wait.h>

static void lock(int fd, int command, short type, off_t start, off_t length)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	NEED(!fcntl(fd, command, &lock));
}

/* Whether another process could have such a lock. */
static bool is_free(const char *path, short type, off_t start, off_t length)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
	int status;

	if (!fork()) {
		int fd = open(path, O_RDWR);

		fcntl(fd, F_GETLK, &lock);
		_exit(lock.l_type == F_UNLCK);
	}
	wait(&status);
	return WEXITSTATUS(status);
}

static bool is_whole_free(const char *path, int how)
{
	int status;

	if (!fork())
		_exit(!flock(open(path, O_RDWR), how | LOCK_NB));
	wait(&status);
	return WEXITSTATUS(status);
}

int main(void)
{
	const char *paths[] = {"/tmp/posix", "/tmp/ofd", "/tmp/flock", "/tmp/shared"};
	int fds[4], twice;

	for (int i = 0; i < 4; i++) {
		fds[i] = open(paths[i], O_RDWR | O_CREAT, 0600);
		NEED(fds[i] >= 0);
		ftruncate(fds[i], 100);
	}
	twice = dup(fds[0]);
	lock(fds[0], F_SETLK, F_WRLCK, 10, 20);
	lock(twice, F_SETLK, F_RDLCK, 50, 0);
	lock(fds[1], F_OFD_SETLK, F_WRLCK, 0, 5);
	lock(fds[1], F_OFD_SETLK, F_RDLCK, 7, 5);
	NEED(!flock(fds[2], LOCK_EX) && !flock(fds[3], LOCK_SH));
	checkpoint();
	CHECK(!is_free(paths[0], F_RDLCK, 10, 20) && is_free(paths[0], F_WRLCK, 0, 10) && is_free(paths[0], F_WRLCK, 30, 20), "a range that is locked");
	CHECK(!is_free(paths[0], F_WRLCK, 1000, 1) && is_free(paths[0], F_RDLCK, 50, 0), "a range that is locked for reading");
	CHECK(!is_free(paths[1], F_RDLCK, 0, 1) && !is_free(paths[1], F_WRLCK, 7, 1) && is_free(paths[1], F_RDLCK, 7, 5) && is_free(paths[1], F_WRLCK, 5, 2),
	      "locks of a description");
	CHECK(!is_whole_free(paths[2], LOCK_SH) && !is_whole_free(paths[3], LOCK_EX) && is_whole_free(paths[3], LOCK_SH), "locks of whole files");
	flock(fds[2], LOCK_UN);
	CHECK(is_whole_free(paths[2], LOCK_EX), "unlocking");
	return finish();
}
