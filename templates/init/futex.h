/* Waiting for a word in memory (futex(2)). */
#ifndef FUTEX_H
#define FUTEX_H

#include <linux/futex.h>
#include "sys.h"

/* Whether other processes wait as well. */
#define FUTEX_SHARED 0
#define FUTEX_OWN FUTEX_PRIVATE_FLAG

/* Sets the word, after everything that was written before, and wakes all who wait for it. */
static inline void futex_set(u32 *word, u32 value, int scope)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	SYS3(futex, POINTER(word), FUTEX_WAKE | scope, INT32_MAX);
}

/* Waits while the word has the value, at most `timeout` (NULL: for ever). It may return early. */
static inline void futex_wait(u32 *word, u32 value, int scope, const timespec *timeout)
{
	SYS4(futex, POINTER(word), FUTEX_WAIT | scope, (long)value, POINTER(timeout));
}

#endif
