/* Patterns of names, in which only "*" is special: any characters, also none. */
#ifndef GLOB_H
#define GLOB_H

#include "types.h"

bool glob_match(const char *pattern, const char *text, usize text_size);

#endif
