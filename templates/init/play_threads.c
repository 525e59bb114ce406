/*
 * The threads. The second one makes all that come after it, with their numbers, while the first maps memory: on two CPUs the longest parts
 * of a restore run side by side. Until the first lets them go, none touches memory of the application.
 */
#include "futex.h"
#include "play.h"

static const struct tape_thread *thread_at(u32 index)
{
	return (const struct tape_thread *)tape_rows(&play.tape, play.tape.header->threads) + index;
}

/* Components lie in the order of threads. */
static const struct tape_component *components_of(u32 index)
{
	const struct tape_component *components = tape_rows(&play.tape, play.tape.header->components);

	for (u32 i = 0; i < index; i++)
		components += thread_at(i)->components;
	return components;
}

/* `last` is the ID that was given last. Numbers between are those of threads that had ended. */
static pid make(u32 index, pid last)
{
	const struct tape_thread *thread = thread_at(index);
	pid wanted = (pid)thread->tid;
	pid given = last;

	while (given + 1 < wanted) {
		given = play_use_up_thread();
		if (given < 0 || given >= wanted)
			play_fail(PLAY_PROBLEM_THREAD, thread->tid, given);
	}
	given = play_clone_thread(index, thread, play_slot(index) + PLAY_THREAD_STACK_BYTES);
	if (given != wanted)
		play_fail(PLAY_PROBLEM_THREAD, thread->tid, given);
	return given;
}

s64 play_threads(void)
{
	if (play.tape.header->threads.count > 1)
		make(1, (pid)play.tape.header->pid);
	else
		play.created = PLAY_CREATED;
	return 0;
}

static void make_others(void)
{
	pid last = (pid)thread_at(1)->tid;

	for (u32 i = 2; i < play.tape.header->threads.count; i++)
		last = make(i, last);
	futex_set(&play.created, PLAY_CREATED, FUTEX_OWN);
}

void play_wait_for_threads(void)
{
	u32 created;

	/* PLAY_LOST: another thread is about to end all of them. */
	while ((created = __atomic_load_n(&play.created, __ATOMIC_ACQUIRE)) != PLAY_CREATED)
		futex_wait(&play.created, created, FUTEX_OWN, NULL);
}

void play_release_threads(void)
{
	futex_set(&play.go, 1, FUTEX_OWN);
}

/* What needs no memory of the application. Gives the signal frame. */
static u64 prepare(u32 index, const struct tape_thread *thread)
{
	if (thread->robust_list)
		SYS2(set_robust_list, (long)thread->robust_list, (long)thread->robust_list_bytes);
	/* Always: a name that is empty is one as well. */
	sys_prctl(PR_SET_NAME, (u64)(usize)thread->name, 0, 0, 0);
	if (thread->niceness != 20)
		SYS3(setpriority, 0, 0, (long)thread->niceness - 20);
	play_set_other_bases(thread);
	return play_make_frame(thread, components_of(index), play_slot(index) + PLAY_THREAD_STACK_BYTES);
}

/* What libc takes for "there is no registration" (linux/rseq.h: RSEQ_CPU_ID_REGISTRATION_FAILED). */
#define RSEQ_CPU_ID_AT 4
#define RSEQ_FAILED (-2)

static _Noreturn void go_on(const struct tape_thread *thread, u64 frame)
{
	if (thread->rseq && SYS4(rseq, (long)thread->rseq, (long)thread->rseq_bytes, 0, (long)thread->rseq_signature) < 0)
		*(volatile int *)(usize)(thread->rseq + RSEQ_CPU_ID_AT) = RSEQ_FAILED;
	play_return_to(frame);
}

__attribute__((used)) _Noreturn void play_thread(u32 index)
{
	const struct tape_thread *thread = thread_at(index);
	u64 frame;

	if (index == 1)
		make_others();
	frame = prepare(index, thread);
	while (!__atomic_load_n(&play.go, __ATOMIC_ACQUIRE))
		futex_wait(&play.go, 0, FUTEX_OWN, NULL);
	play_stamp();
	go_on(thread, frame);
}

_Noreturn void play_become_first(void)
{
	const struct tape_thread *thread = thread_at(0);
	u64 frame = prepare(0, thread);

	play_set_thread_pointer(thread);
	SYS1(set_tid_address, (long)thread->clear_tid);
	go_on(thread, frame);
}
