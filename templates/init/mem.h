/* The four functions a compiler may call by itself, and what strings need. */
#ifndef MEM_H
#define MEM_H

#include "types.h"

void *memcpy(void *restrict to, const void *restrict from, usize size);
void *memmove(void *to, const void *from, usize size);
void *memset(void *at, int byte, usize size);
int memcmp(const void *left, const void *right, usize size);

bool all_zero(const u8 *bytes, usize size);

usize text_length(const char *text);
bool text_equal(const char *left, const char *right);
bool text_begins(const char *text, const char *prefix);
/* No empty, "." or ".." part; absolute: with a slash before the first. */
bool path_is_clean(const char *path, bool absolute);

/* What follows the name and "=" in envp, or NULL. */
const char *environment_value(char *const *envp, const char *name);

#endif
