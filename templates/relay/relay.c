/*
 * What a CRaC JDK gets as its CRIU: hands its arguments to the step program of the build container, which makes the dump with its own
 * rights and its own CRIU, and ends with the status that it answers (builder/checkpoint/criu-relay.ts). Needs nothing of the image.
 */
#include <asm/unistd.h>
#include <linux/un.h>

#define SOCKET "/.crac-build-out/crac/criu.sock"

#define AF_UNIX 1
#define SOCK_STREAM 1
#define SOCK_CLOEXEC 02000000
#define SHUT_WR 1
#define MSG_NOSIGNAL 0x4000

/* The kernel's calling conventions (System V psABI, A.2.1). */
static long sys(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static _Noreturn void end(int status)
{
	for (;;)
		sys(__NR_exit_group, status, 0, 0, 0, 0, 0);
}

static void send_word(long fd, const char *word)
{
	unsigned long size = 0;

	while (word[size++])
		;
	while (size) {
		long sent = sys(__NR_sendto, fd, (long)word, (long)size, MSG_NOSIGNAL, 0, 0);

		if (sent <= 0)
			end(1);
		word += sent;
		size -= (unsigned long)sent;
	}
}

/* Called by the entry point with the address of argc (System V psABI, 3.4.1). */
__attribute__((used)) static _Noreturn void start_c(long *stack)
{
	static const struct sockaddr_un address = {AF_UNIX, SOCKET};
	const long count = stack[0];
	char *const *argv = (char *const *)(stack + 1);
	const long fd = sys(__NR_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
	unsigned char status;

	if (fd < 0 || sys(__NR_connect, fd, (long)&address, sizeof(address), 0, 0, 0) < 0)
		end(1);
	for (long i = 1; i < count; i++)
		send_word(fd, argv[i]);
	sys(__NR_shutdown, fd, SHUT_WR, 0, 0, 0, 0);
	end(sys(__NR_read, fd, (long)&status, 1, 0, 0, 0) == 1 ? status : 1);
}

__asm__(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tmovq %rsp, %rdi\n\tandq $-16, %rsp\n\tcall start_c\n\thlt\n");
