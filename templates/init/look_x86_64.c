/* What a process alone can be asked for: it makes the calls itself, while it is stopped. */
#include "look.h"
#include "process.h"
#include "sys.h"
#include <linux/ptrace.h>

#define CALLS_ALL 0x40000000 /* __WALL */
#define SYSCALL_BYTES 2
/* struct user_regs_struct, in words. */
enum { R10 = 7, R8 = 9, AX = 10, DX = 12, SI = 13, DI = 14, ORIG_AX = 15, IP = 16, REGISTERS = 27 };

static long trace(long request, pid process, void *data)
{
	return SYS4(ptrace, request, process, 0, POINTER(data));
}

bool look_begin(struct look_calls *calls, pid process)
{
	calls->process = process;
	if (trace(PTRACE_ATTACH, process, NULL) < 0)
		return false;
	sys_wait4(process, NULL, CALLS_ALL);
	return trace(PTRACE_GETREGS, process, calls->registers) == 0;
}

s64 look_call(struct look_calls *calls, u64 instruction, u64 number, u64 first, u64 second)
{
	u64 registers[REGISTERS];

	memcpy(registers, calls->registers, sizeof(registers));
	registers[AX] = number;
	/* No call is under way that would be made again. */
	registers[ORIG_AX] = UINT64_MAX;
	registers[DI] = first;
	registers[SI] = second;
	registers[DX] = registers[R10] = registers[R8] = 0;
	registers[IP] = instruction;
	trace(PTRACE_SETREGS, calls->process, registers);
	/* The first step ends at once, with the signal that stopped it. */
	for (int tries = 0; tries < 3 && registers[IP] == instruction; tries++) {
		trace(PTRACE_SINGLESTEP, calls->process, NULL);
		sys_wait4(calls->process, NULL, CALLS_ALL);
		trace(PTRACE_GETREGS, calls->process, registers);
	}
	return registers[IP] == instruction + SYSCALL_BYTES ? (s64)registers[AX] : -ENOSYS;
}

void look_end(struct look_calls *calls)
{
	trace(PTRACE_SETREGS, calls->process, calls->registers);
	trace(PTRACE_DETACH, calls->process, NULL);
}
