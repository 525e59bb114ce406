#ifndef LOOK_H
#define LOOK_H

#include "mem.h"
#include "sys.h"

struct look_calls {
	pid process;
	u64 registers[27];
};

/* Calls that a stopped process makes itself, by an instruction of its own that makes system calls. */
bool look_begin(struct look_calls *calls, pid process);
s64 look_call(struct look_calls *calls, u64 instruction, u64 number, u64 first, u64 second);
/* It is as it was. */
void look_end(struct look_calls *calls);

#endif
