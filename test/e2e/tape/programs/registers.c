/* Threads that use the CPU alone, with something in every register that they have. */
#include "program.h"
#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>
#include <sys/mman.h>

static volatile int go;
static volatile int spinning;

/* All of it is memory for one piece of assembler: loads registers, spins until `go`, stores them. */
struct state {
	uint64_t general[16], general_after[16];
	long double x87[8], x87_after[8];
	uint8_t vector[32][64], vector_after[32][64];
	uint64_t mask[8], mask_after[8];
	uint32_t mxcsr, mxcsr_after;
	uint16_t control, control_after;
	uint32_t pkru, pkru_after;
} __attribute__((aligned(64)));

static struct state sse, avx, avx512, plain;

static void fill(struct state *state, int seed)
{
	uint8_t *bytes = &state->vector[0][0];

	for (size_t i = 0; i < sizeof(state->vector); i++)
		bytes[i] = (uint8_t)(i * 7 + (size_t)seed + i / 64);
	for (int i = 0; i < 8; i++) {
		state->mask[i] = 0x0123456789abcdefull * (unsigned)(i + seed);
		state->x87[i] = i * 1.2345678901234567890L + seed;
	}
	for (int i = 0; i < 16; i++)
		state->general[i] = 0x1111111111111111ull * (unsigned)i + (unsigned)seed;
}

#define SPIN                                   \
	"lock incl %[spinning]\n"              \
	"1: pause\n"                           \
	"cmpl $0, %[go]\n"                     \
	"je 1b\n"

static void *with_sse(void *unused)
{
	struct state *s = &sse;

	s->mxcsr = 0x5f80; /* rounds down */
	s->control = 0x0b7f; /* rounds up */
	__asm__ volatile("ldmxcsr %[mxcsr]\n fldcw %[control]\n fldt 0(%[x87])\n fldt 16(%[x87])\n fldt 32(%[x87])\n"
			 "movaps 0(%[v]), %%xmm0\n movaps 64(%[v]), %%xmm1\n movaps 512(%[v]), %%xmm8\n movaps 960(%[v]), %%xmm15\n" SPIN
			 "stmxcsr %[mxcsr_after]\n fnstcw %[control_after]\n fstpt 32(%[x87a])\n fstpt 16(%[x87a])\n fstpt 0(%[x87a])\n"
			 "movaps %%xmm0, 0(%[va])\n movaps %%xmm1, 64(%[va])\n movaps %%xmm8, 512(%[va])\n movaps %%xmm15, 960(%[va])\n"
			 : [mxcsr_after] "=m"(s->mxcsr_after), [control_after] "=m"(s->control_after), [spinning] "+m"(spinning)
			 : [mxcsr] "m"(s->mxcsr), [control] "m"(s->control), [x87] "r"(s->x87), [x87a] "r"(s->x87_after),
			   [v] "r"(s->vector), [va] "r"(s->vector_after), [go] "m"(go)
			 : "memory", "xmm0", "xmm1", "xmm8", "xmm15");
	return unused;
}

__attribute__((target("avx"))) static void *with_avx(void *unused)
{
	struct state *s = &avx;

	__asm__ volatile("vmovaps 0(%[v]), %%ymm0\n vmovaps 192(%[v]), %%ymm3\n vmovaps 960(%[v]), %%ymm15\n" SPIN
			 "vmovaps %%ymm0, 0(%[va])\n vmovaps %%ymm3, 192(%[va])\n vmovaps %%ymm15, 960(%[va])\n vzeroupper\n"
			 : [spinning] "+m"(spinning)
			 : [v] "r"(s->vector), [va] "r"(s->vector_after), [go] "m"(go)
			 : "memory", "xmm0", "xmm3", "xmm15");
	return unused;
}

__attribute__((target("avx512f,avx512bw"))) static void *with_avx512(void *unused)
{
	struct state *s = &avx512;

	__asm__ volatile("vmovaps 0(%[v]), %%zmm0\n vmovaps 960(%[v]), %%zmm15\n vmovaps 1024(%[v]), %%zmm16\n vmovaps 1984(%[v]), %%zmm31\n"
			 "kmovq 8(%[k]), %%k1\n kmovq 56(%[k]), %%k7\n" SPIN
			 "vmovaps %%zmm0, 0(%[va])\n vmovaps %%zmm15, 960(%[va])\n vmovaps %%zmm16, 1024(%[va])\n vmovaps %%zmm31, 1984(%[va])\n"
			 "kmovq %%k1, 8(%[ka])\n kmovq %%k7, 56(%[ka])\n vzeroupper\n"
			 : [spinning] "+m"(spinning)
			 : [v] "r"(s->vector), [va] "r"(s->vector_after), [k] "r"(s->mask), [ka] "r"(s->mask_after), [go] "m"(go)
			 : "memory", "xmm0", "xmm15");
	return unused;
}

/* Every general register but the stack pointer; the direction flag and others. */
static void *with_general(void *unused)
{
	static uint64_t stack, flags;
	register uint64_t *from __asm__("rdi") = plain.general;

	__asm__ volatile("push %%rbp\n mov %%rsp, %[stack]\n mov 0(%%rdi), %%rax\n mov 8(%%rdi), %%rbx\n mov 16(%%rdi), %%rcx\n mov 24(%%rdi), %%rdx\n"
			 "mov 32(%%rdi), %%rsi\n mov 48(%%rdi), %%rbp\n mov 64(%%rdi), %%r8\n mov 72(%%rdi), %%r9\n mov 80(%%rdi), %%r10\n"
			 "mov 88(%%rdi), %%r11\n mov 96(%%rdi), %%r12\n mov 104(%%rdi), %%r13\n mov 112(%%rdi), %%r14\n mov 120(%%rdi), %%r15\n"
			 "mov 40(%%rdi), %%rdi\n std\n"
			 "lock incl %[spinning]\n 1: pause\n cmpl $0, %[go]\n je 1b\n"
			 "xchg %%rax, %[after]\n mov %%rbx, 8+%[after]\n mov %%rcx, 16+%[after]\n mov %%rdx, 24+%[after]\n mov %%rsi, 32+%[after]\n"
			 "mov %%rdi, 40+%[after]\n mov %%rbp, 48+%[after]\n mov %%r8, 64+%[after]\n mov %%r9, 72+%[after]\n mov %%r10, 80+%[after]\n"
			 "mov %%r11, 88+%[after]\n mov %%r12, 96+%[after]\n mov %%r13, 104+%[after]\n mov %%r14, 112+%[after]\n mov %%r15, 120+%[after]\n"
			 "mov %[stack], %%rsp\n pushf\n pop %[flags]\n cld\n pop %%rbp\n"
			 : [spinning] "+m"(spinning), [stack] "+m"(stack), [flags] "=m"(flags), [after] "+m"(plain.general_after[0]), "+r"(from)
			 : [go] "m"(go)
			 : "memory", "cc", "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15");
	CHECK(flags & 0x400, "the direction flag");
	return unused;
}

static void compare(const char *name, const struct state *s, const int *vectors, size_t bytes)
{
	for (; *vectors >= 0; vectors++)
		CHECK(!memcmp(s->vector[*vectors], s->vector_after[*vectors], bytes), "%s register %d", name, *vectors);
}

static bool has_keys(void)
{
	unsigned a, b, c = 0, d;

	__cpuid_count(7, 0, a, b, c, d);
	return c & (1u << 4);
}

int main(void)
{
	pthread_t threads[4];
	int count = 0, key = -1;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool with_keys = has_keys();

	__builtin_cpu_init();
	fill(&sse, 1);
	fill(&avx, 2);
	fill(&avx512, 3);
	fill(&plain, 4);
	pthread_create(&threads[count++], NULL, with_sse, NULL);
	pthread_create(&threads[count++], NULL, with_general, NULL);
	if (__builtin_cpu_supports("avx"))
		pthread_create(&threads[count++], NULL, with_avx, NULL);
	if (__builtin_cpu_supports("avx512bw"))
		pthread_create(&threads[count++], NULL, with_avx512, NULL);
	while (spinning < count)
		pause_ms(1);
	if (with_keys) {
		/* Rights of the thread, for keys that nothing has: no memory is protected by them. */
		uint32_t pkru = 0x55555550;

		__asm__ volatile("xor %%ecx, %%ecx\n xor %%edx, %%edx\n .byte 0x0f, 0x01, 0xef" : : "a"(pkru) : "rcx", "rdx");
	}
	checkpoint();
	if (with_keys) {
		uint32_t pkru;

		__asm__ volatile("xor %%ecx, %%ecx\n .byte 0x0f, 0x01, 0xee" : "=a"(pkru) : : "rcx", "rdx");
		CHECK(pkru == 0x55555550, "PKRU is %x", pkru);
	}
	go = 1;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	compare("SSE", &sse, (int[]){0, 1, 8, 15, -1}, 16);
	CHECK(sse.mxcsr_after == sse.mxcsr, "MXCSR is %x", sse.mxcsr_after);
	CHECK((sse.control_after | 0x40) == (sse.control | 0x40), "the x87 control word is %x", sse.control_after);
	CHECK(!memcmp(&sse.x87_after[0], &sse.x87[0], 10) && !memcmp(&sse.x87_after[2], &sse.x87[2], 10), "x87 registers");
	if (__builtin_cpu_supports("avx"))
		compare("AVX", &avx, (int[]){0, 3, 15, -1}, 32);
	if (__builtin_cpu_supports("avx512bw")) {
		compare("AVX-512", &avx512, (int[]){0, 15, 16, 31, -1}, 64);
		CHECK(avx512.mask_after[1] == avx512.mask[1] && avx512.mask_after[7] == avx512.mask[7], "mask registers");
	}
	for (int i = 0; i < 16; i++)
		if (i != 7)
			CHECK(plain.general[i] == plain.general_after[i], "general register %d", i);
	munmap(page, 4096);
	(void)key;
	return finish();
}
