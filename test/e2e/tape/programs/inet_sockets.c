/* TCP and UDP sockets, of both families, with their options. */
#include "program.h"
#include <arpa/inet.h>
#include <poll.h>

static socklen_t address_of(struct sockaddr_storage *at, int family, const char *text, int port)
{
	memset(at, 0, sizeof(*at));
	at->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		struct sockaddr_in *four = (void *)at;

		four->sin_port = htons((uint16_t)port);
		inet_pton(family, text, &four->sin_addr);
		return sizeof(*four);
	}
	struct sockaddr_in6 *six = (void *)at;

	six->sin6_port = htons((uint16_t)port);
	inet_pton(family, text, &six->sin6_addr);
	return sizeof(*six);
}

static void set(int fd, int level, int option, int value)
{
	NEED(!setsockopt(fd, level, option, &value, sizeof(value)));
}

static void bind_to(int fd, int family, const char *text, int port)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, family, text, port);

	NEED(!bind(fd, (struct sockaddr *)&address, size));
}

static int dial(int family, int type, const char *text, int port)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, family, text, port);
	int fd = socket(family, type, 0);

	if (connect(fd, (struct sockaddr *)&address, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int accept_soon(int fd)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};

	return poll(&entry, 1, 2000) == 1 ? accept(fd, NULL, NULL) : -1;
}

static void check_accepts(int listening, int family, const char *text, int port)
{
	char room[8] = "";
	int caller = dial(family, SOCK_STREAM, text, port), called;

	CHECK(caller >= 0, "connecting to %s:%d: %s", text, port, strerror(errno));
	called = accept_soon(listening);
	CHECK(called >= 0 && send(caller, "hello", 5, 0) == 5 && recv(called, room, 5, MSG_WAITALL) == 5, "accepting at %s:%d", text, port);
	close(caller);
	close(called);
}

int main(void)
{
	int listening4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), listening6 = socket(AF_INET6, SOCK_STREAM, 0);
	int only6 = socket(AF_INET6, SOCK_STREAM, 0), shared[2], unconnected = socket(AF_INET, SOCK_STREAM, 0), bound = socket(AF_INET, SOCK_STREAM, 0);
	int udp4 = socket(AF_INET, SOCK_DGRAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0), connected = socket(AF_INET, SOCK_DGRAM, 0);
	int unbound = socket(AF_INET, SOCK_DGRAM, 0), plain_reuse = socket(AF_INET, SOCK_STREAM, 0);
	struct linger linger = {1, 12};
	struct timeval time = {3, 250000};
	struct sockaddr_storage address;
	socklen_t size;
	char room[32] = "";

	/* What servers set. */
	set(listening4, SOL_SOCKET, SO_REUSEADDR, 1);
	set(listening4, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(listening4, SOL_SOCKET, SO_RCVBUF, 20000);
	set(listening4, SOL_SOCKET, SO_SNDBUF, 30000);
	set(listening4, SOL_SOCKET, SO_RCVLOWAT, 5);
	set(listening4, SOL_SOCKET, SO_PRIORITY, 4);
	set(listening4, SOL_SOCKET, SO_OOBINLINE, 1);
	NEED(!setsockopt(listening4, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	NEED(!setsockopt(listening4, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	NEED(!setsockopt(listening4, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)));
	set(listening4, IPPROTO_TCP, TCP_NODELAY, 1);
	set(listening4, IPPROTO_TCP, TCP_KEEPIDLE, 33);
	set(listening4, IPPROTO_TCP, TCP_KEEPINTVL, 7);
	set(listening4, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set(listening4, IPPROTO_IP, IP_TOS, 0x10);
	set(listening4, IPPROTO_IP, IP_TTL, 33);
	bind_to(listening4, AF_INET, "127.0.0.1", 8001);
	NEED(!listen(listening4, 17));
	set(listening6, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(listening6, AF_INET6, "::", 8002);
	NEED(!listen(listening6, 128));
	set(only6, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	bind_to(only6, AF_INET6, "::1", 8003);
	NEED(!listen(only6, 1));
	for (int i = 0; i < 2; i++) {
		shared[i] = socket(AF_INET, SOCK_STREAM, 0);
		set(shared[i], SOL_SOCKET, SO_REUSEPORT, 1);
		bind_to(shared[i], AF_INET, "0.0.0.0", 8004);
		NEED(!listen(shared[i], 50));
	}
	bind_to(bound, AF_INET, "127.0.0.1", 8005);
	set(plain_reuse, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(udp4, AF_INET, "0.0.0.0", 8006);
	set(udp4, SOL_SOCKET, SO_BROADCAST, 1);
	set(udp4, IPPROTO_IP, IP_PKTINFO, 1);
	bind_to(udp6, AF_INET6, "::", 8007);
	bind_to(connected, AF_INET, "127.0.0.1", 8008);
	size = address_of(&address, AF_INET, "127.0.0.1", 8006);
	NEED(!connect(connected, (struct sockaddr *)&address, size));
	/* CRIU's images do not have these. */
	set(plain_reuse, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	set(listening4, IPPROTO_TCP, TCP_USER_TIMEOUT, 12345);
	set(listening4, IPPROTO_TCP, TCP_MAXSEG, 1000);
	set(listening4, IPPROTO_TCP, TCP_SYNCNT, 3);
	set(listening4, IPPROTO_TCP, TCP_LINGER2, 17);
	set(listening4, IPPROTO_TCP, TCP_FASTOPEN, 9);
	set(listening4, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 70000);
	set(listening6, IPPROTO_TCP, TCP_WINDOW_CLAMP, 30000);
	set(listening6, IPPROTO_IPV6, IPV6_TCLASS, 0x20);
	set(listening6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
	set(udp4, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	set(udp4, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	set(udp4, IPPROTO_IP, IP_MULTICAST_TTL, 7);
	set(udp4, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	set(udp4, IPPROTO_IP, IP_RECVTOS, 1);
	set(udp4, IPPROTO_IP, IP_RECVERR, 1);
	set(udp4, SOL_SOCKET, SO_TIMESTAMP, 1);
	set(udp6, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set(udp6, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	set(udp6, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	set(udp6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1);
	set(udp6, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	set(udp6, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
	checkpoint();
	check_accepts(listening4, AF_INET, "127.0.0.1", 8001);
	check_accepts(listening6, AF_INET6, "::1", 8002);
	check_accepts(listening6, AF_INET, "127.0.0.1", 8002);
	check_accepts(only6, AF_INET6, "::1", 8003);
	CHECK(dial(AF_INET, SOCK_STREAM, "127.0.0.1", 8003) == -1, "an address of IPv6 alone");
	for (int i = 0, seen[2] = {0, 0}; i < 60; i++) {
		int caller = dial(AF_INET, SOCK_STREAM, "127.0.0.1", 8004);
		struct pollfd entries[2] = {{.fd = shared[0], .events = POLLIN}, {.fd = shared[1], .events = POLLIN}};

		CHECK(caller >= 0 && poll(entries, 2, 2000) == 1, "a shared port");
		for (int j = 0; j < 2; j++)
			if (entries[j].revents) {
				seen[j]++;
				close(accept(shared[j], NULL, NULL));
			}
		close(caller);
		if (i == 59)
			CHECK(seen[0] && seen[1], "a shared port: %d and %d", seen[0], seen[1]);
	}
	size = address_of(&address, AF_INET, "127.0.0.1", 8001);
	CHECK(!connect(unconnected, (struct sockaddr *)&address, size), "connecting");
	CHECK(!listen(bound, 3), "listening");
	check_accepts(bound, AF_INET, "127.0.0.1", 8005);
	CHECK(send(connected, "to udp4", 7, 0) == 7 && recv(udp4, room, sizeof(room), 0) == 7 && !strcmp(room, "to udp4"), "UDP");
	size = address_of(&address, AF_INET6, "::1", 8007);
	{
		int sender = socket(AF_INET6, SOCK_DGRAM, 0);

		CHECK(sendto(sender, "6", 1, 0, (struct sockaddr *)&address, size) == 1, "sending to ::1");
		pause_ms(20);
		CHECK(recv(udp6, room, sizeof(room), 0) == 1, "UDP of IPv6");
	}
	size = address_of(&address, AF_INET, "127.0.0.1", 8006);
	CHECK(sendto(unbound, "u", 1, 0, (struct sockaddr *)&address, size) == 1 && recv(udp4, room, sizeof(room), 0) == 1, "UDP without an address");
	return finish();
}
