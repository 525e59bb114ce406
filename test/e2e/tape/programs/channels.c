/* Pipes and FIFOs. */
#include "program.h"
#include <poll.h>

static void check_reads(int fd, const char *expected, const char *what)
{
	char room[64] = "";
	ssize_t got = read(fd, room, sizeof(room) - 1);

	CHECK(got == (ssize_t)strlen(expected) && !strcmp(room, expected), "%s: %zd \"%s\"", what, got, room);
}

int main(void)
{
	int empty[2], full[2], sized[2], half[2], written[2], shared[2], nonblocking[2], mixed[2], far, fifo, fifo_reader, fifo_writer;
	char byte;
	static char block[70000], found[70000];
	size_t filled = 0;

	NEED(!pipe2(empty, O_CLOEXEC));
	NEED(!pipe(full));
	fcntl(full[1], F_SETFL, O_NONBLOCK);
	memset(block, 'f', sizeof(block));
	while (write(full[1], block, 1000) == 1000)
		filled += 1000;
	NEED(!pipe(sized));
	NEED(fcntl(sized[0], F_SETPIPE_SZ, 1 << 19) == 1 << 19);
	fcntl(sized[1], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 3; i++)
		NEED(write(sized[1], block, sizeof(block)) == sizeof(block));
	NEED(!pipe(half));
	write(half[1], "left", 4);
	close(half[1]);
	NEED(!pipe(written));
	close(written[0]);
	NEED(!pipe(shared));
	far = dup2(shared[1], 90);
	write(far, "one", 3);
	NEED(!pipe2(nonblocking, O_NONBLOCK | O_CLOEXEC));
	NEED(!pipe(mixed));
	fcntl(mixed[0], F_SETFL, O_NONBLOCK);
	NEED(!mkfifo("/tmp/fifo", 0600) && !mkfifo("/tmp/one-way", 0600));
	fifo = open("/tmp/fifo", O_RDWR | O_CLOEXEC);
	write(fifo, "in a ", 5);
	fifo_reader = open("/tmp/one-way", O_RDONLY | O_NONBLOCK);
	fifo_writer = open("/tmp/one-way", O_WRONLY);
	write(fifo_writer, "one ", 4);
	checkpoint();
	signal(SIGPIPE, SIG_IGN);
	CHECK(write(empty[1], "x", 1) == 1 && read(empty[0], &byte, 1) == 1 && byte == 'x', "an empty pipe");
	for (size_t left = filled; left;) {
		ssize_t got = read(full[0], found, sizeof(found));

		CHECK(got > 0 && !memcmp(found, block, (size_t)got), "%zu bytes are missing", left);
		if (got <= 0)
			break;
		left -= (size_t)got;
	}
	CHECK(fcntl(sized[1], F_GETPIPE_SZ) == 1 << 19, "the size of a pipe");
	for (size_t left = 3 * sizeof(block); left;) {
		ssize_t got = read(sized[0], found, sizeof(found));

		CHECK(got > 0 && !memcmp(found, block, (size_t)got), "%zu bytes of a large pipe are missing", left);
		if (got <= 0)
			break;
		left -= (size_t)got;
	}
	check_reads(half[0], "left", "a pipe whose writer has closed");
	check_reads(half[0], "", "its end");
	CHECK(write(written[1], "x", 1) == -1 && errno == EPIPE, "a pipe whose reader has closed");
	check_reads(shared[0], "one", "a pipe with a duplicate");
	close(shared[1]);
	CHECK(write(far, "two", 3) == 3, "the duplicate");
	check_reads(shared[0], "two", "the duplicate");
	CHECK(read(nonblocking[0], &byte, 1) == -1 && errno == EAGAIN, "O_NONBLOCK");
	CHECK(read(mixed[0], &byte, 1) == -1 && errno == EAGAIN, "O_NONBLOCK of one end");
	write(fifo, "fifo", 4);
	check_reads(fifo, "in a fifo", "a FIFO");
	write(fifo_writer, "way", 3);
	check_reads(fifo_reader, "one way", "a FIFO that is open twice");
	close(fifo_writer);
	check_reads(fifo_reader, "", "its end");
	return finish();
}
