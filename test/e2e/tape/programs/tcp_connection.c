/* Connections that are open at the dump: the peer is gone afterwards, and their user sees it. */
#include "program.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/epoll.h>

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8001), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listening = socket(AF_INET, SOCK_STREAM, 0), caller = socket(AF_INET, SOCK_STREAM, 0), called, set = epoll_create1(0), byte;
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u32 = 7};

	NEED(!bind(listening, (struct sockaddr *)&address, sizeof(address)) && !listen(listening, 5));
	NEED(!connect(caller, (struct sockaddr *)&address, sizeof(address)));
	called = accept(listening, NULL, NULL);
	NEED(called >= 0);
	fcntl(called, F_SETFL, O_NONBLOCK);
	epoll_ctl(set, EPOLL_CTL_ADD, called, &event);
	ignored_descriptors[caller] = ignored_descriptors[called] = true;
	checkpoint();
	signal(SIGPIPE, SIG_IGN);
	CHECK(epoll_wait(set, &event, 1, 1000) == 1 && event.data.u32 == 7, "nobody is told of the end");
	CHECK(recv(called, &byte, 1, 0) == 0 || errno == ECONNRESET, "the end of a connection: %s", strerror(errno));
	CHECK(recv(caller, &byte, 1, 0) == 0 || errno == ECONNRESET, "the end of a connection: %s", strerror(errno));
	CHECK(send(caller, "x", 1, 0) == -1 && (errno == EPIPE || errno == ECONNRESET), "writing to it: %s", strerror(errno));
	return finish();
}
