/* UNIX sockets that are not on tapes. The argument says which. */
#include "program.h"
#include <sys/un.h>
#include <sys/wait.h>

static int bound(int type, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	strcpy(address.sun_path, path);
	NEED(!bind(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + strlen(path) + 1)));
	return fd;
}

static int dial(int type, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	strcpy(address.sun_path, path);
	NEED(!connect(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + strlen(path) + 1)));
	return fd;
}

static void send_descriptor(int to, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
	struct iovec bytes = {&byte, 1};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	NEED(sendmsg(to, &message, 0) == 1);
}

/* A process that shares descriptors with this one makes a pair, and ends. */
static void foreign_pair(void)
{
	int pair[2];

	if (!syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL)) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
		_exit(0);
	}
	NEED(wait(NULL) > 0);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	int pair[2];

	if (!strcmp(kind, "connected")) {
		int listening = bound(SOCK_STREAM, "/tmp/s");

		NEED(!listen(listening, 5));
		dial(SOCK_STREAM, "/tmp/s");
		NEED(accept(listening, NULL, NULL) >= 0);
	} else if (!strcmp(kind, "waiting")) {
		int listening = bound(SOCK_STREAM, "/tmp/s");

		NEED(!listen(listening, 5));
		NEED(send(dial(SOCK_STREAM, "/tmp/s"), "x", 1, 0) == 1);
	} else if (!strcmp(kind, "queued-datagrams")) {
		bound(SOCK_DGRAM, "/tmp/s");
		NEED(send(dial(SOCK_DGRAM, "/tmp/s"), "x", 1, 0) == 1);
	} else if (!strcmp(kind, "descriptors")) {
		NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		send_descriptor(pair[0], 0);
	} else if (!strcmp(kind, "foreign-pair")) {
		foreign_pair();
	} else if (!strcmp(kind, "removed")) {
		NEED(!listen(bound(SOCK_STREAM, "/tmp/s"), 5));
		unlink("/tmp/s");
	}
	checkpoint();
	return finish();
}
