/* Literal IP addresses. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "types.h"

struct address {
	bool v6;
	u8 bytes[16]; /* network order; the first four for IPv4 */
};

/* "127.0.0.1" or "::1"; no zone, no IPv4 inside of IPv6. */
bool parse_address(const char *text, struct address *address);

#endif
