/*
 * What runs after a tape was played: without libc, at an address that the tape maps it to. The first thread tells on the standard output what
 * it and the other one find, a line each, and ends the process with 7.
 */
#include <asm/prctl.h>
#include <asm/unistd.h>
#include <linux/futex.h>

typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

static long call(long number, long a, long b, long c, long d)
{
	long result;
	register long r10 __asm__("r10") = d;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return result;
}

static void say(const char *what, u64 value)
{
	char line[64];
	char digits[16];
	int size = 0;
	int count = 0;

	while (what[size]) {
		line[size] = what[size];
		size++;
	}
	line[size++] = ' ';
	do {
		digits[count++] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	while (count)
		line[size++] = digits[--count];
	line[size++] = '\n';
	call(__NR_write, 1, (long)line, size, 0);
}

/* At PAGE, and in r12. */
struct tape_page {
	u64 generation;
	u32 version;
	u32 reserved;
	long monotonic_jump;
	long realtime_jump;
	u8 entropy[64];
	u32 second_is_done; /* a futex */
	u32 second_tid; /* cleared when the thread ends */
	u32 rseq[8] __attribute__((aligned(32)));
	u64 second_fs;
	char second_name[16];
	u64 signal_value;
	u64 signal_number;
	u8 ymm[32];
};

#define page ((struct tape_page *)PAGE)

__attribute__((used)) static void on_signal(int number, const u64 *info)
{
	page->signal_number = (u64)number;
	page->signal_value = info[3];
}

/* Returning from a handler. */
__asm__(".globl return_from_signal\nreturn_from_signal:\n mov $15, %eax\n syscall\n");

static void first(const struct tape_page *given, long (*clock_gettime)(int, long *), const u64 *registers)
{
	u64 mask = 0;
	u64 fs = 0;
	long now[2] = {0};
	u32 child = 1;
	char name[16] = {0};

	say("page", given == page);
	say("bx", registers[0]);
	say("r15", registers[1]);
	say("pid", (u64)call(__NR_getpid, 0, 0, 0, 0));
	say("session", (u64)call(__NR_getsid, 0, 0, 0, 0));
	while ((child = __atomic_load_n(&page->second_is_done, __ATOMIC_ACQUIRE)) == 0)
		call(__NR_futex, (long)&page->second_is_done, FUTEX_WAIT, 0, 0);
	/* The kernel clears the ID and wakes who waits for it. */
	while ((child = __atomic_load_n(&page->second_tid, __ATOMIC_ACQUIRE)) != 0)
		call(__NR_futex, (long)&page->second_tid, FUTEX_WAIT, child, 0);
	say("second", page->second_is_done);
	say("second.fs", page->second_fs);
	say("second.name", *(u64 *)page->second_name);
	call(__NR_rt_sigprocmask, 0, 0, (long)&mask, 8);
	say("mask", mask);
	call(__NR_arch_prctl, ARCH_GET_FS, (long)&fs, 0, 0);
	say("fs", fs);
	call(__NR_prctl, 16, (long)name, 0, 0);
	say("name", *(u64 *)name);
	say("rseq", page->rseq[1] < 4096);
	say("generation", page->generation);
	say("jumps", page->monotonic_jump > 0 && page->realtime_jump > 0 && page->realtime_jump < 60000000000);
	say("entropy", page->entropy[0] || page->entropy[1] || page->entropy[2] || page->entropy[3]);
	say("clock", (u64)clock_gettime(1, now));
	say("clock.moved", now[0] > 0 || now[1] > 0);
	say("ymm", *(u64 *)(page->ymm + 16));
	say("signal", page->signal_number);
	say("value", page->signal_value);
	call(__NR_exit_group, 7, 0, 0, 0);
}

__attribute__((used)) static void first_entry(void *given, void *clock_gettime, const u64 *registers)
{
	first(given, clock_gettime, registers);
}

__attribute__((used)) static void second_entry(struct tape_page *given)
{
	u64 fs = 0;

	call(__NR_arch_prctl, ARCH_GET_FS, (long)&fs, 0, 0);
	given->second_fs = fs;
	call(__NR_prctl, 16, (long)given->second_name, 0, 0);
	__atomic_store_n(&given->second_is_done, (u32)call(__NR_gettid, 0, 0, 0, 0), __ATOMIC_RELEASE);
	call(__NR_futex, (long)&given->second_is_done, FUTEX_WAKE, 1, 0);
	call(__NR_exit, 0, 0, 0, 0);
}

/* Registers are as the tape says: r12 the page, r13 a function of the vDSO. */
__asm__(".globl go_on_first\ngo_on_first:\n"
	" vmovdqu %ymm3, 0(%r14)\n"
	" push %r15\n push %rbx\n mov %rsp, %rdx\n mov %r12, %rdi\n mov %r13, %rsi\n and $-16, %rsp\n call first_entry\n");
__asm__(".globl go_on_second\ngo_on_second:\n mov %r12, %rdi\n and $-16, %rsp\n call second_entry\n");
__asm__(".globl go_on_signal\ngo_on_signal:\n call on_signal\n ret\n");
