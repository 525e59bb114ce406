/* TCP connections. */
#ifndef NET_H
#define NET_H

#include "address.h"
#include "sys.h"

/* A connected socket that does not block, or a negative error; -ETIMEDOUT at `until_ns` (CLOCK_MONOTONIC). */
int net_connect(const struct address *address, u16 port, u64 until_ns);

/* Whether the descriptor became ready before `until_ns`. */
bool net_wait(int fd, short events, u64 until_ns);

#endif
