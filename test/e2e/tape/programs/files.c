/* Open files of every kind that has a path, or had one. */
#include "program.h"
#include <dirent.h>

static const char text[] = "0123456789abcdefghij";

static int make(const char *path, int flags)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | flags, 0640);

	NEED(fd >= 0);
	NEED(write(fd, text, 20) == 20);
	return fd;
}

static void check_reads(int fd, const char *expected, const char *what)
{
	char room[32] = "";
	ssize_t got = read(fd, room, sizeof(room) - 1);

	CHECK(got == (ssize_t)strlen(expected) && !strcmp(room, expected), "%s: \"%s\", not \"%s\"", what, room, expected);
}

int main(void)
{
	int plain, duplicate, other, append, path_only, read_only, high, directory, null, zero, deleted, reopened, temporary, unnamed, write_only, proc, direct;
	char room[64], link[64] = "";
	struct stat found;

	mkdir("/tmp/work", 0700);
	plain = make("/tmp/work/plain", O_CLOEXEC);
	lseek(plain, 3, SEEK_SET);
	duplicate = dup(plain);
	other = open("/tmp/work/plain", O_RDONLY | O_NONBLOCK);
	lseek(other, 7, SEEK_SET);
	append = make("/app/log", O_APPEND);
	close(append);
	append = open("/app/log", O_WRONLY | O_APPEND | O_CLOEXEC);
	path_only = open("/tmp/work/plain", O_PATH);
	read_only = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	lseek(read_only, 1, SEEK_SET);
	high = open("/tmp/work/plain", O_RDONLY);
	NEED(dup2(high, 1000) == 1000);
	close(high);
	high = fcntl(1000, F_DUPFD_CLOEXEC, 700);
	directory = open("/tmp/work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	null = open("/dev/null", O_RDWR | O_APPEND);
	zero = open("/dev/zero", O_RDONLY);
	deleted = make("/tmp/work/deleted", O_CLOEXEC);
	reopened = open("/tmp/work/deleted", O_RDONLY);
	lseek(deleted, 5, SEEK_SET);
	unlink("/tmp/work/deleted");
	temporary = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	if (temporary >= 0)
		write(temporary, text, 10);
	unnamed = make("/tmp/work/empty", 0);
	ftruncate(unnamed, 0);
	unlink("/tmp/work/empty");
	write_only = open("/tmp/work/written", O_WRONLY | O_CREAT | O_NOATIME, 0600);
	write(write_only, text, 4);
	fcntl(write_only, F_SETFL, O_NONBLOCK);
	proc = open("/proc/self/stat", O_RDONLY);
	direct = open("/etc/passwd", O_RDONLY | O_DIRECT);
	chdir("/tmp/work");
	/* The log has grown since. */
	ignore_lines("descriptor 6 size");
	/* Of a file in memory the flags that made it are not there. */
	ignore_lines("descriptor 14 flags");
	checkpoint();
	check_reads(plain, "3456789abcdefghij", "a file");
	CHECK(lseek(duplicate, 0, SEEK_CUR) == 20, "a duplicate shares the position");
	check_reads(other, "789abcdefghij", "another description of it");
	CHECK(write(append, "!", 1) == 1, "appending");
	CHECK(!stat("/app/log", &found) && found.st_size == 20 + 6 + 1, "the log has %lld bytes", (long long)found.st_size);
	CHECK(read(path_only, room, 1) == -1 && errno == EBADF && !fstat(path_only, &found) && found.st_size == 20, "O_PATH");
	CHECK(read(read_only, room, 4) == 4 && !memcmp(room, "oot:", 4), "a file of the system");
	check_reads(high, text, "a high number");
	CHECK(lseek(1000, 0, SEEK_CUR) == 20, "a higher one that shares it");
	CHECK(!faccessat(directory, "plain", F_OK, 0), "a directory");
	CHECK(write(null, "x", 1) == 1 && read(null, room, 1) == 0, "/dev/null");
	CHECK(read(zero, room, 8) == 8 && !room[7], "/dev/zero");
	check_reads(deleted, "56789abcdefghij", "a deleted file");
	check_reads(reopened, text, "another description of a deleted file");
	CHECK(pwrite(deleted, "X", 1, 0) == 1 && pread(reopened, room, 1, 0) == 1 && room[0] == 'X', "they are one file");
	CHECK(!fstat(deleted, &found) && found.st_nlink == 0 && (found.st_mode & 0777) == 0640, "a deleted file has mode %o and %d names", found.st_mode,
	      (int)found.st_nlink);
	if (temporary >= 0)
		CHECK(pread(temporary, room, 20, 0) == 10 && write(temporary, "Z", 1) == 1 && pread(temporary, room, 20, 0) == 11, "O_TMPFILE");
	CHECK(!fstat(unnamed, &found) && found.st_size == 0 && write(unnamed, "a", 1) == 1, "an empty deleted file");
	CHECK(write(write_only, "5", 1) == 1 && !stat("written", &found) && found.st_size == 5, "a file that is written");
	snprintf(link, sizeof(link), "300 (files");
	CHECK(read(proc, room, 10) == 10 && !memcmp(room, link, 10), "a file of /proc");
	CHECK(direct < 0 || fcntl(direct, F_GETFL) & O_DIRECT, "O_DIRECT");
	return finish();
}
