/* What the CPU can do, in the words of format.gen.h. One file an architecture implements it. */
#ifndef CPU_H
#define CPU_H

#include "format.gen.h"

#define CPU_VENDOR_ROOM 13
#define CPU_BRAND_ROOM 49

struct cpu {
	u64 words[CPU_WORDS];
	u64 xcr0;
	char vendor[CPU_VENDOR_ROOM];
	char brand[CPU_BRAND_ROOM];
};

void cpu_read(struct cpu *cpu);

/* Bits of XCR0 that have to be enabled for the instructions which these words name. */
u64 cpu_needed_xcr0(const u64 *words, u32 count);

/* Where a component of the extended state lies in an XSAVE area of the standard format; 0 where it is not enabled. */
u32 cpu_component_offset(u32 number);

#endif
