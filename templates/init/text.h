/*
 * Text in a buffer of fixed size. What does not fit is cut, and the text then ends in "...". The buffer always holds a NUL behind
 * the text.
 */
#ifndef TEXT_H
#define TEXT_H

#include "types.h"

struct text {
	char *at;
	usize size;
	usize room; /* bytes of the buffer, the NUL included */
	bool cut;
};

struct text text_over(char *buffer, usize room);
void text_clear(struct text *text);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, usize size);
/* Control characters become "?": names come from outside, and a line has to stay one line. */
void text_add_printable(struct text *text, const char *bytes, usize size);
void text_add_number(struct text *text, u64 number);
void text_add_hex(struct text *text, u64 number);
/* The name of an error, from its negative number as system calls return it. */
void text_add_errno(struct text *text, int error);
/* Between quotes, escaped as JSON wants it. */
void text_add_json(struct text *text, const char *string);

/* The entry at `index` of names that follow each other, each ended by a NUL, the last by two; "" behind the end. */
const char *name_at(const char *names, usize index);

/* Digits only, all of them, at most `maximum`. */
bool parse_number(const char *string, u64 maximum, u64 *number);
/* With or without 0x. */
bool parse_hex(const char *string, u64 *number);
/* Milliseconds: "1500", "1500ms", "10s". More than 0, at most a day. */
bool parse_duration(const char *string, u32 *milliseconds);

#endif
