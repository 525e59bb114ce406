/* Intel SDM volume 2, "CPUID" and "XGETBV"; AMD APM volume 3, appendix E. */
#include "cpu.h"
#include "mem.h"

#define WORD_1_ECX 0
#define WORD_7_EBX 2
#define WORD_7_EDX 4
#define OSXSAVE (1u << 27)
#define AVX (1u << 28)
#define AVX512F (1u << 16)
#define AMX_TILE (1u << 24)
#define XCR0_AVX 0x6u
#define XCR0_AVX512 0xe6u
#define XCR0_AMX 0x60000u

struct registers {
	u32 values[4]; /* eax ebx ecx edx */
};

static struct registers cpuid(u32 leaf, u32 subleaf)
{
	struct registers r;

	__asm__ volatile("cpuid"
			 : "=a"(r.values[0]), "=b"(r.values[1]), "=c"(r.values[2]), "=d"(r.values[3])
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* A leaf above the highest of its range answers with another leaf's values: it counts as zero. */
static u32 cpuid_word(u32 leaf, u32 subleaf, u32 which)
{
	if (leaf > cpuid(leaf & 0x80000000u, 0).values[0])
		return 0;
	if (leaf == 7 && subleaf > cpuid(7, 0).values[0])
		return 0;
	return cpuid(leaf, subleaf).values[which];
}

/* XCR0, by word 1:ecx. */
static u64 enabled_state(u64 word)
{
	u32 low;
	u32 high;

	if (!(word & OSXSAVE))
		return 0;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (u64)high << 32 | low;
}

void cpu_read(struct cpu *cpu)
{
	static const struct {
		u32 leaf;
		u32 subleaf;
		u32 which;
	} sources[] = {
#define SOURCE(leaf, subleaf, which) {leaf, subleaf, which},
		CPU_WORD_SOURCES(SOURCE)
#undef SOURCE
	};
	struct registers r = cpuid(0, 0);

	_Static_assert(ARRAY_COUNT(sources) == CPU_WORDS, "CPU words");
	memset(cpu, 0, sizeof(*cpu));
	memcpy(cpu->vendor, &r.values[1], 4);
	memcpy(cpu->vendor + 4, &r.values[3], 4);
	memcpy(cpu->vendor + 8, &r.values[2], 4);
	for (u32 i = 0; i < CPU_WORDS; i++)
		cpu->words[i] = cpuid_word(sources[i].leaf, sources[i].subleaf, sources[i].which);
	for (u32 i = 0; i < 3 && cpuid(0x80000000u, 0).values[0] >= 0x80000004u; i++) {
		r = cpuid(0x80000002u + i, 0);
		memcpy(cpu->brand + 16 * i, r.values, 16);
	}
	cpu->xcr0 = enabled_state(cpu->words[WORD_1_ECX]);
}

/* CPUID leaves the guest of a hypervisor, which takes a microsecond or many: what it says is kept. */
u32 cpu_component_offset(u32 number)
{
	static u32 known[32];
	u32 offset;

	if (number >= ARRAY_COUNT(known))
		return 0;
	offset = __atomic_load_n(&known[number], __ATOMIC_RELAXED);
	if (!offset && enabled_state(cpuid_word(1, 0, 2)) >> number & 1) {
		offset = cpuid_word(0xd, number, 1);
		__atomic_store_n(&known[number], offset, __ATOMIC_RELAXED);
	}
	return offset;
}

u64 cpu_needed_xcr0(const u64 *words, u32 count)
{
	u64 needed = 0;

	if (count > WORD_1_ECX && words[WORD_1_ECX] & AVX)
		needed |= XCR0_AVX;
	if (count > WORD_7_EBX && words[WORD_7_EBX] & AVX512F)
		needed |= XCR0_AVX512;
	if (count > WORD_7_EDX && words[WORD_7_EDX] & AMX_TILE)
		needed |= XCR0_AMX;
	return needed;
}
