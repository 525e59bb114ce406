/*
 * The restore record (format.gen.h, docs/record.md) as bytes in memory. Nothing of it is used before record_open has looked at
 * all of it; afterwards every string is known to lie inside and to end in a NUL.
 */
#ifndef RECORD_H
#define RECORD_H

#include "checksum.h"
#include "format.gen.h"

struct record {
	const u8 *bytes;
	usize size;
	const struct record_header *header;
};

/* 0, or what is wrong. `bytes` has to be aligned to 8 and to stay. */
enum record_error record_open(const void *bytes, usize size, struct record *record);

const char *record_text(const struct record *record, struct record_string string);
const void *record_rows(const struct record *record, struct record_table table);

/* FNV-1a 64. */
u64 hash_bytes(const char *bytes, usize size);

#endif
