/* The constants of constants_own.c against the host's libc, in the same order. */
#define _GNU_SOURCE
#include <linux/capability.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include "tap.h"

extern const long own_constants[];
extern const int own_count;

static const long expected[] = {
	CLOCK_MONOTONIC,	CLOCK_BOOTTIME, MS_NOSUID,	MS_NODEV,
	MS_NOEXEC,		MS_REC,		MS_PRIVATE,	RENAME_NOREPLACE,
	AF_UNIX,		SOCK_SEQPACKET, SOCK_CLOEXEC,	SOL_SOCKET,
	SO_PASSCRED,		CAP_SETPCAP,	CAP_SYS_ADMIN,	CAP_CHECKPOINT_RESTORE,
	sizeof(siginfo_t),	sizeof(struct signalfd_siginfo),
};

int main(void)
{
	CHECK(own_count == (int)(sizeof(expected) / sizeof(expected[0])));
	for (int i = 0; i < own_count; i++)
		CHECK(own_constants[i] == expected[i]);
	TAP_END();
	return 0;
}
