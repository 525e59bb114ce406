/* Capability sets as words: bit N is capability N of linux/capability.h. */
#ifndef CAPABILITIES_H
#define CAPABILITIES_H

#include "text.h"

#define CAPABILITY_SETPCAP 8
#define CAPABILITY_NET_ADMIN 12
#define CAPABILITY_SYS_PTRACE 19
#define CAPABILITY_SYS_ADMIN 21
#define CAPABILITY_CHECKPOINT_RESTORE 40
#define CAPABILITY_LAST 63
#define CAPABILITY_BIT(number) (1ull << (number))

struct capabilities {
	u64 effective;
	u64 permitted;
	u64 inheritable;
};

/* 0 or a negative error. */
int capabilities_get(struct capabilities *sets);
int capabilities_set(const struct capabilities *sets);

/* Makes `mask` effective, inheritable and ambient, so that it lives through an exec. It has to be permitted. */
int capabilities_raise_ambient(u64 mask);

u64 capabilities_ambient(void);

/* Removes `mask` from the bounding set; needs SETPCAP for bits that are in it. */
int capabilities_drop_bounding(u64 mask);

/* "--cap-add SYS_ADMIN --cap-add NET_RAW" for the bits of `mask`. */
void text_add_capability_flags(struct text *text, u64 mask);

#endif
