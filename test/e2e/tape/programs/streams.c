/* Standard streams that the program has changed. */
#include "program.h"

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	int ends[2], saved;
	char room[8] = "";

	if (!strcmp(kind, "own-pipe")) {
		/* Its standard error is a pipe that it reads itself. */
		NEED(!pipe(ends));
		NEED(dup2(ends[1], 2) == 2);
		checkpoint();
		CHECK(write(2, "error", 5) == 5 && read(ends[0], room, 5) == 5 && !memcmp(room, "error", 5), "a pipe in place of standard error");
	} else if (!strcmp(kind, "moved")) {
		saved = dup(1);
		NEED(dup2(2, 1) == 1);
		/* It is a stream of the start. */
		ignored_descriptors[saved] = true;
		checkpoint();
		NEED(dup2(saved, 1) == 1);
		CHECK(fcntl(2, F_GETFD) == 0, "standard error");
	} else if (!strcmp(kind, "closed")) {
		close(0);
		close(2);
		checkpoint();
		CHECK(fcntl(0, F_GETFD) == -1 && fcntl(2, F_GETFD) == -1, "they are open");
	} else if (!strcmp(kind, "file")) {
		int fd = open("/tmp/errors", O_WRONLY | O_CREAT | O_APPEND, 0644);

		dup2(fd, 2);
		close(fd);
		checkpoint();
		write(2, "x", 1);
		CHECK(access("/tmp/errors", F_OK) == 0 && lseek(2, 0, SEEK_END) == 1, "a file in place of standard error");
	} else if (!strcmp(kind, "nonblocking")) {
		fcntl(1, F_SETFL, O_NONBLOCK | fcntl(1, F_GETFL));
		checkpoint();
	}
	return finish();
}
