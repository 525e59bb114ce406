#include "compare.h"
#include "cpu.h"

struct bit_name {
	u8 word;
	u8 bit;
	char name[22];
};

static const struct bit_name bit_names[] = {
#define BIT_NAME(word, bit, name) {word, bit, name},
	CPU_BIT_NAMES(BIT_NAME)
#undef BIT_NAME
};

static void add_bit(struct text *text, u32 word, u32 bit)
{
	text_add(text, " ");
	for (usize i = 0; i < ARRAY_COUNT(bit_names); i++) {
		if (bit_names[i].word == word && bit_names[i].bit == bit) {
			text_add(text, bit_names[i].name);
			return;
		}
	}
	text_add(text, "word");
	text_add_number(text, word);
	text_add(text, ".");
	text_add_number(text, bit);
}

static bool compare_features(const struct record *record, const struct cpu *cpu, struct cold *cold)
{
	const u64 *required = record_rows(record, record->header->cpu_words);
	bool same = true;

	for (u32 word = 0; word < record->header->cpu_words.count; word++) {
		u64 missing = required[word] & ~cpu->words[word];

		for (u32 bit = 0; bit < 64; bit++) {
			if (!(missing >> bit & 1))
				continue;
			if (same)
				same = cold_because(cold, COLD_CPU, "this CPU lacks");
			add_bit(&cold->reason, word, bit);
		}
	}
	return same;
}

bool compare_cpu(const struct record *record, struct cold *cold)
{
	const struct record_header *header = record->header;
	u64 needed = cpu_needed_xcr0(record_rows(record, header->cpu_words), header->cpu_words.count);
	struct cpu cpu;

	cpu_read(&cpu);
	if (!compare_features(record, &cpu, cold))
		return false;
	if (needed & ~cpu.xcr0) {
		cold_because(cold, COLD_CPU, "the system saves too little of the CPU's state, XCR0 ");
		text_add_hex(&cold->reason, cpu.xcr0);
		return false;
	}
	/*
	 * glibc's lazy binding saves registers by the size it saw at start: on a CPU with more state the first call that is bound
	 * late overwrites the stack.
	 */
	if (!(header->flags & RECORD_FLAG_BOUND_AT_START) && cpu.xcr0 & ~header->xcr0) {
		cold_because(cold, COLD_CPU, "this CPU has more XSAVE state than that of the build, and LD_BIND_NOW was not set there: ");
		text_add_hex(&cold->reason, cpu.xcr0);
		text_add(&cold->reason, " and ");
		text_add_hex(&cold->reason, header->xcr0);
		return false;
	}
	return true;
}
