/*
 * Making a process from a tape. A child of crac-init becomes the application: it keeps crac-init's own image, which lies where no tape has
 * anything, moves what it needs into the hole of the tape, removes every other mapping, makes the steps of the tape, and lets its threads
 * go on where those of the checkpoint were. The tape has passed tape_open: what it says is not looked at again.
 */
#ifndef PLAY_H
#define PLAY_H

#include "clock.h"
#include "sys.h"
#include "tape.h"

/* How often each of the two processes looks whether the other is still there, should it end without a word. */
#define PLAY_LOOK_NS (5 * NS_PER_MS)

enum play_state {
	PLAY_RUNS = 0,
	PLAY_RESUMED,
	PLAY_FAILED,
};

enum play_problem {
	PLAY_PROBLEM_STEP = 0, /* `step` of the tape gave `result` */
	PLAY_PROBLEM_HOLE, /* the hole of the tape could not be mapped */
	PLAY_PROBLEM_THREAD, /* thread `subject` could not be made, or got the number `result` */
};

/* What PID 1 sees of it: a page that both have. */
struct play_shared {
	u32 state; /* a futex */
	u32 allowed; /* a futex: files and limits are as they have to be, what is carried is there */
	u32 problem;
	u32 step;
	u32 subject;
	s64 result;
	u64 resumed_ns; /* CLOCK_BOOTTIME when the first thread of the application went on; 0: none has yet */
};

enum play_created {
	PLAY_CREATED = 1, /* all threads are there */
	PLAY_LOST, /* one of them failed */
};

struct play {
	struct tape tape; /* in the hole, once the process has moved there */
	struct play_shared *shared;
	u64 vdso; /* where the kernel put it; 0: there is none */
	pid parent;
	u32 created; /* futex: enum play_created */
	u32 go; /* futex: memory and descriptors are there */
};

/* The process itself: what it makes lies in its image, so that every thread finds it. */
extern struct play play;

/* In the child. `play` has the tape, the shared page and the vDSO. */
_Noreturn void play_lead(void);

/* Ends the process and its threads; PID 1 is told. */
_Noreturn void play_fail(enum play_problem problem, u32 subject, s64 result);

/* Parts of the hole, by their distance from its beginning. */
#define PLAY_SHARED_AT 0x0u
#define PLAY_PARKING_AT 0x10000u
#define PLAY_PARKING_BYTES 0x10000u
#define PLAY_STACK_AT 0x20000u
#define PLAY_STACK_BYTES 0x10000u
#define PLAY_THREADS_AT TAPE_HOLE_FIXED_BYTES
/* Of what a thread has there, the stack comes first. */
#define PLAY_THREAD_STACK_BYTES 4096u

static inline u64 play_slot(u32 index)
{
	return play.tape.header->hole + PLAY_THREADS_AT + (u64)index * TAPE_HOLE_THREAD_BYTES;
}

static inline void *play_data(u64 offset)
{
	return (void *)(usize)(play.tape.data + offset);
}

/* Steps that are no system call each return 0 or a negative error. */
s64 play_vdso(void);
s64 play_clear(void);
s64 play_threads(void);
s64 play_raise_limit(u32 resource);
s64 play_populate(const struct tape_vector *ranges, u64 count);
s64 play_core_dump_filter(const char *filter);
s64 play_memory_map(const struct tape_memory_map *map);
s64 play_open_fifo(const char *path);
s64 play_create_timer(u32 clock, const void *event, int number);
s64 play_queue_signal(u32 tid, const struct signal_info *info);
s64 play_bind_path(int fd, const char *path, u32 mode, const char *final_path);

/* Waits until every thread is there. */
void play_wait_for_threads(void);
/* Lets them run, and makes the first thread the last one of them. */
void play_release_threads(void);
_Noreturn void play_become_first(void);

/* Tells PID 1 when the application goes on: by the first thread that does. */
void play_stamp(void);

/* One file an architecture implements what follows. */

/* Goes on in `next`, on another stack. */
_Noreturn void play_switch_stack(u64 stack_end, void (*next)(void));

/* A thread that begins in play_thread(index); its ID or a negative error. */
pid play_clone_thread(u32 index, const struct tape_thread *thread, u64 stack_end);
_Noreturn void play_thread(u32 index);

/* Uses up a thread ID; that ID or a negative error. */
pid play_use_up_thread(void);

/* What clone does for other threads. */
void play_set_thread_pointer(const struct tape_thread *thread);
void play_set_other_bases(const struct tape_thread *thread);

/* Makes the signal frame from which the thread goes on, in zeroed memory, and gives its address. */
u64 play_make_frame(const struct tape_thread *thread, const struct tape_component *components, u64 room);
_Noreturn void play_return_to(u64 frame);

/* Code for a function of the vDSO: a jump to an address, a system call. */
void play_write_jump(u8 *at, u64 address);
void play_write_call(u8 *at, u32 system_call);

#endif
