#include "clock.h"
#include "mem.h"
#include "net.h"

#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOL_SOCKET 1
#define SO_ERROR 4

struct socket_address_v4 {
	u16 family;
	u8 port[2];
	u8 address[4];
	u8 zero[8];
};

struct socket_address_v6 {
	u16 family;
	u8 port[2];
	u32 flow;
	u8 address[16];
	u32 scope;
};

static bool wait_until_connected(int fd, u64 until_ns, int *error)
{
	u32 size = sizeof(*error);

	if (!net_wait(fd, POLLOUT, until_ns)) {
		*error = -ETIMEDOUT;
		return false;
	}
	sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &size);
	*error = -*error;
	return *error == 0;
}

int net_connect(const struct address *address, u16 port, u64 until_ns)
{
	struct socket_address_v4 v4 = {AF_INET, {(u8)(port >> 8), (u8)port}, {0}, {0}};
	struct socket_address_v6 v6 = {AF_INET6, {(u8)(port >> 8), (u8)port}, 0, {0}, 0};
	int fd = sys_socket(address->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | O_CLOEXEC | O_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return fd;
	memcpy(v4.address, address->bytes, sizeof(v4.address));
	memcpy(v6.address, address->bytes, sizeof(v6.address));
	error = address->v6 ? sys_connect(fd, &v6, sizeof(v6)) : sys_connect(fd, &v4, sizeof(v4));
	if (error == 0 || (error == -EINPROGRESS && wait_until_connected(fd, until_ns, &error)))
		return fd;
	sys_close(fd);
	return error;
}

bool net_wait(int fd, short events, u64 until_ns)
{
	struct pollfd ready = {fd, events, 0};
	int count;

	do {
		u64 now = clock_ns(CLOCK_MONOTONIC);
		timespec left = timespec_of(until_ns > now ? until_ns - now : 0);

		count = sys_ppoll(&ready, 1, &left);
	} while (count == -EINTR);
	return count > 0;
}
