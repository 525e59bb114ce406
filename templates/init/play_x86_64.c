/* Threads and code of x86-64. */
#include <asm/prctl.h>
#include "mem.h"
#include "play.h"

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

_Noreturn void play_switch_stack(u64 stack_end, void (*next)(void))
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%1\n\t"
			 "hlt"
			 :
			 : "r"(stack_end), "r"(next)
			 : "memory");
	__builtin_unreachable();
}

/* Where the thread pointer and the address that is cleared at its end are given to clone, no call is needed for them later. */
pid play_clone_thread(u32 index, const struct tape_thread *thread, u64 stack_end)
{
	register u64 clear_tid __asm__("r10") = thread->clear_tid;
	register u64 tls __asm__("r8") = thread->fs_base;
	register u64 argument __asm__("r12") = index;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "call play_thread\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"((long)__NR_clone), "D"((long)(THREAD_FLAGS | CLONE_SETTLS | CLONE_CHILD_CLEARTID)), "S"(stack_end), "d"(0L),
			   "r"(clear_tid), "r"(tls), "r"(argument)
			 : "rcx", "r11", "memory");
	return (pid)result;
}

/* A thread that does nothing but end; it uses no stack. */
pid play_use_up_thread(void)
{
	register long clear_tid __asm__("r10") = 0;
	register long tls __asm__("r8") = 0;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%edi, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(result)
			 : "a"((long)__NR_clone), "D"((long)THREAD_FLAGS), "S"(0L), "d"(0L), "r"(clear_tid), "r"(tls), [exit] "i"(__NR_exit)
			 : "rcx", "r11", "memory");
	return (pid)result;
}

void play_set_thread_pointer(const struct tape_thread *thread)
{
	SYS2(arch_prctl, ARCH_SET_FS, (long)thread->fs_base);
}

void play_set_other_bases(const struct tape_thread *thread)
{
	if (thread->gs_base)
		SYS2(arch_prctl, ARCH_SET_GS, (long)thread->gs_base);
}

/* movabs $address, %rax; jmp *%rax */
void play_write_jump(u8 *at, u64 address)
{
	static const u8 code[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};

	memcpy(at, code, sizeof(code));
	memcpy(at + 2, &address, sizeof(address));
}

/* mov $number, %eax; syscall; ret */
void play_write_call(u8 *at, u32 system_call)
{
	static const u8 code[] = {0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};

	memcpy(at, code, sizeof(code));
	memcpy(at + 1, &system_call, sizeof(system_call));
}
