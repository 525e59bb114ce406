/* Short names of the fixed-width types, as in the kernel. */
#ifndef TYPES_H
#define TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef size_t usize;

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
