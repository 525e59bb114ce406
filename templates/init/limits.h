/* What the control groups of this container and the processors it may run on allow. */
#ifndef LIMITS_H
#define LIMITS_H

#include "types.h"

#define NO_LIMIT UINT64_MAX

struct limits {
	u64 memory; /* bytes; NO_LIMIT: none */
	u64 processors; /* as a JVM counts them: those it may run on, or as many as the quota is worth */
};

void limits_read(struct limits *limits);

#endif
