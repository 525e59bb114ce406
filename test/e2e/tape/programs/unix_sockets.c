/* UNIX sockets: pairs with what is queued in them, listening ones by path and by name, datagrams. */
#include "program.h"
#include <poll.h>
#include <sys/un.h>

static int make(int type, const char *path, bool is_abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	NEED(fd >= 0);
	if (path) {
		strcpy(address.sun_path + is_abstract, path);
		NEED(!bind(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + strlen(path) + 1)));
	}
	return fd;
}

static int dial(int type, const char *path, bool is_abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	strcpy(address.sun_path + is_abstract, path);
	if (connect(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + strlen(path) + 1))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void check_reads(int fd, const char *expected, const char *what)
{
	char room[64] = "";
	ssize_t got = recv(fd, room, sizeof(room) - 1, MSG_DONTWAIT);

	CHECK(got == (ssize_t)strlen(expected) && !strcmp(room, expected), "%s: %zd \"%s\"", what, got, room);
}

static void check_accepts(int listening, int type, const char *path, bool is_abstract)
{
	int caller = dial(type, path, is_abstract), called;

	CHECK(caller >= 0, "connecting to %s: %s", path, strerror(errno));
	called = accept(listening, NULL, NULL);
	CHECK(called >= 0 && send(caller, "hello", 5, 0) == 5, "accepting at %s", path);
	check_reads(called, "hello", path);
	close(caller);
	close(called);
}

int main(void)
{
	int stream[2], packets[2], datagrams[2], half[2], shut[2], twice;
	int by_path, by_name, by_packets, receiver, anonymous, unbound, nameless;
	int value = 1;
	struct stat found;

	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, stream));
	send(stream[0], "first ", 6, 0);
	send(stream[0], "second", 6, 0);
	send(stream[1], "back", 4, 0);
	NEED(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, packets));
	send(packets[0], "p1", 2, 0);
	send(packets[0], "packet 2", 8, 0);
	NEED(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams));
	send(datagrams[1], "d1", 2, 0);
	send(datagrams[1], "datagram 2", 10, 0);
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, half));
	send(half[1], "unread", 6, 0);
	close(half[1]);
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, shut));
	send(shut[0], "last", 4, 0);
	shutdown(shut[0], SHUT_WR);
	twice = dup2(shut[1], 60);
	by_path = make(SOCK_STREAM, "/tmp/stream.socket", false);
	NEED(!chmod("/tmp/stream.socket", 0622) && !listen(by_path, 7));
	by_name = make(SOCK_STREAM, "name of it", true);
	NEED(!listen(by_name, 5));
	by_packets = make(SOCK_SEQPACKET, "/tmp/packets.socket", false);
	NEED(!listen(by_packets, 5));
	receiver = make(SOCK_DGRAM, "/tmp/datagrams.socket", false);
	setsockopt(receiver, SOL_SOCKET, SO_PASSCRED, &value, sizeof(value));
	unbound = socket(AF_UNIX, SOCK_STREAM, 0);
	nameless = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	checkpoint();
	check_reads(stream[1], "first second", "a stream");
	check_reads(stream[0], "back", "its other end");
	CHECK(send(stream[0], "on", 2, 0) == 2, "a stream");
	check_reads(stream[1], "on", "a stream");
	check_reads(packets[1], "p1", "packets");
	check_reads(packets[1], "packet 2", "packets");
	check_reads(datagrams[0], "d1", "datagrams");
	check_reads(datagrams[0], "datagram 2", "datagrams");
	check_reads(half[0], "unread", "a stream whose other end is closed");
	check_reads(half[0], "", "its end");
	check_reads(shut[1], "last", "a stream that was shut down");
	check_reads(twice, "", "its end");
	CHECK(send(shut[1], "back", 4, 0) == 4, "the other direction");
	check_reads(shut[0], "back", "the other direction");
	signal(SIGPIPE, SIG_IGN);
	CHECK(send(shut[0], "x", 1, 0) == -1 && errno == EPIPE, "a direction that was shut down");
	CHECK(!stat("/tmp/stream.socket", &found) && (found.st_mode & 07777) == 0622, "the mode of a socket's path is %o", found.st_mode);
	check_accepts(by_path, SOCK_STREAM, "/tmp/stream.socket", false);
	check_accepts(by_name, SOCK_STREAM, "name of it", true);
	check_accepts(by_packets, SOCK_SEQPACKET, "/tmp/packets.socket", false);
	{
		int sender = dial(SOCK_DGRAM, "/tmp/datagrams.socket", false);

		CHECK(sender >= 0 && send(sender, "to you", 6, 0) == 6, "a datagram to a path");
		check_reads(receiver, "to you", "a datagram to a path");
	}
	CHECK(!connect(unbound, (struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "/tmp/stream.socket"}, 2 + 19), "connecting");
	CHECK(recv(nameless, &value, 1, 0) == -1 && errno == EAGAIN, "a socket without a name");
	return finish();
}
