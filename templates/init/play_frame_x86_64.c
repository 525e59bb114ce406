/*
 * The signal frame of x86-64 (arch/x86/include/asm/sigframe.h: struct rt_sigframe). Returning from a signal sets all registers, the signal
 * mask and the alternate signal stack of a thread at once.
 */
#include "cpu.h"
#include "mem.h"
#include "play.h"
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

/* arch/x86/include/uapi/asm/ucontext.h; they are not given to user space by every version of the headers. */
#define FRAME_FLAGS 0x7u /* UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
#define SELECTOR_CODE 0x33
#define SELECTOR_STACK 0x2b
#define XSAVE_HEADER_AT 512u
#define XSAVE_HEADER_BYTES 64u
#define SOFTWARE_AT 464u
#define MAGIC1 0x46505853u /* FP_XSTATE_MAGIC1 */
#define MAGIC2 0x46505845u

struct frame {
	u64 return_address;
	struct ucontext context;
	u8 info[128];
};

struct area {
	u8 *at;
	u64 features;
	u32 size;
};

static void put_components(struct area *area, const struct tape_thread *thread, const struct tape_component *components)
{
	for (u32 i = 0; i < thread->components; i++) {
		u32 offset = cpu_component_offset(components[i].number);

		/* Left out where the CPU does not have it: required ones were compared before. */
		if (!offset)
			continue;
		memcpy(area->at + offset, play_data(components[i].offset), components[i].size_bytes);
		area->features |= 1ull << components[i].number;
		if (offset + components[i].size_bytes > area->size)
			area->size = offset + components[i].size_bytes;
	}
}

/* Components that are not named get their initial state (arch/x86/kernel/fpu/signal.c: restore_fpregs_from_user). */
static void put_state(struct area *area, const struct tape_thread *thread)
{
	struct _fpx_sw_bytes software = {.magic1 = MAGIC1};
	const u32 magic2 = MAGIC2;
	u64 state = thread->state & area->features;

	software.extended_size = area->size + (u32)sizeof(magic2);
	software.xfeatures = area->features;
	software.xstate_size = area->size;
	memcpy(area->at + SOFTWARE_AT, &software, sizeof(software));
	memcpy(area->at + XSAVE_HEADER_AT, &state, sizeof(state));
	memcpy(area->at + area->size, &magic2, sizeof(magic2));
}

static void put_registers(struct sigcontext *to, const u64 *from)
{
	u64 *general = (u64 *)(void *)to;

	/* r8 to flags lie in the order of enum tape_register. */
	_Static_assert(offsetof(struct sigcontext, r8) == 0, "registers of a signal frame");
	_Static_assert(offsetof(struct sigcontext, rip) == 8 * TAPE_REGISTER_IP, "registers of a signal frame");
	_Static_assert(offsetof(struct sigcontext, eflags) == 8 * TAPE_REGISTER_FLAGS, "registers of a signal frame");
	memcpy(general, from, 8 * (TAPE_REGISTER_FLAGS + 1));
	to->cs = SELECTOR_CODE;
	to->ss = SELECTOR_STACK;
}

u64 play_make_frame(const struct tape_thread *thread, const struct tape_component *components, u64 room)
{
	struct frame *frame = (void *)(usize)room;
	struct ucontext *context = &frame->context;
	struct area area = {
		.at = (u8 *)(usize)((room + sizeof(*frame) + 63) & ~63ull),
		.features = 3,
		.size = XSAVE_HEADER_AT + XSAVE_HEADER_BYTES,
	};

	context->uc_flags = FRAME_FLAGS;
	context->uc_stack.ss_sp = (void *)(usize)thread->alt_stack;
	context->uc_stack.ss_flags = (int)thread->alt_stack_flags;
	context->uc_stack.ss_size = thread->alt_stack_bytes;
	put_registers(&context->uc_mcontext, thread->registers);
	context->uc_mcontext.fpstate = (void *)area.at;
	context->uc_sigmask = thread->signal_mask;
	memcpy(area.at, play_data(thread->legacy), TAPE_LEGACY_BYTES);
	put_components(&area, thread, components);
	put_state(&area, thread);
	return room;
}

/* rt_sigreturn finds the frame 8 bytes below the stack pointer: where a handler has returned to. */
_Noreturn void play_return_to(u64 frame)
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "mov %1, %%eax\n\t"
			 "syscall\n\t"
			 "hlt"
			 :
			 : "r"(frame + 8), "i"(__NR_rt_sigreturn)
			 : "memory");
	__builtin_unreachable();
}
