/* TCP connections to literal addresses. */
#ifndef NET_H
#define NET_H

#include "sys.h"

struct address {
	bool v6;
	u8 bytes[16]; /* network order; the first four for IPv4 */
};

/* "127.0.0.1" or "::1"; no zone, no IPv4 inside of IPv6. */
bool parse_address(const char *text, struct address *address);

/* A connected socket that does not block, or a negative error; -ETIMEDOUT at `until_ns` (CLOCK_MONOTONIC). */
int net_connect(const struct address *address, u16 port, u64 until_ns);

/* Whether the descriptor became ready before `until_ns`. */
bool net_wait(int fd, short events, u64 until_ns);

#endif
