#include "play.h"
#include "clock.h"
#include "futex.h"
#include "generation.h"
#include "mem.h"
#include "process.h"

struct play play;

_Noreturn void play_fail(enum play_problem problem, u32 subject, s64 result)
{
	struct play_shared *shared = play.shared;

	/* A second thread that fails is a consequence of the first. */
	if (__atomic_exchange_n(&play.created, PLAY_LOST, __ATOMIC_ACQ_REL) != PLAY_LOST) {
		shared->problem = problem;
		if (problem == PLAY_PROBLEM_STEP)
			shared->step = subject;
		shared->subject = subject;
		shared->result = result;
		futex_set(&shared->state, PLAY_FAILED, FUTEX_SHARED);
	}
	sys_exit_group(1);
}

static s64 own_call(const struct tape_step *step)
{
	const u64 *a = step->arguments;

	switch (step->call) {
	case TAPE_CALL_VDSO:
		return play_vdso();
	case TAPE_CALL_CLEAR:
		return play_clear();
	case TAPE_CALL_THREADS:
		return play_threads();
	case TAPE_CALL_RAISE_LIMIT:
		return play_raise_limit((u32)a[0]);
	case TAPE_CALL_MEMORY_MAP:
		return play_memory_map(play_data(a[0]));
	case TAPE_CALL_POPULATE:
		return play_populate(play_data(a[0]), a[1]);
	case TAPE_CALL_CORE_DUMP_FILTER:
		return play_core_dump_filter(play_data(a[0]));
	case TAPE_CALL_FIFO:
		return play_open_fifo(play_data(a[0]));
	case TAPE_CALL_CREATE_TIMER:
		return play_create_timer((u32)a[0], play_data(a[1]), (int)a[2]);
	case TAPE_CALL_QUEUE_SIGNAL:
		return play_queue_signal((u32)a[0], play_data(a[1]));
	case TAPE_CALL_BIND_PATH:
		return play_bind_path((int)a[0], play_data(a[1]), (u32)a[2], a[3] ? play_data(a[3]) : NULL);
	default:
		return -ENOSYS;
	}
}

static bool is_offset(u8 kind)
{
	return kind == TAPE_ARGUMENT_PATH || kind == TAPE_ARGUMENT_NAME || kind == TAPE_ARGUMENT_DATA || kind == TAPE_ARGUMENT_BYTES ||
	       kind == TAPE_ARGUMENT_VECTORS || kind == TAPE_ARGUMENT_ADDRESS4OR6 || kind == TAPE_ARGUMENT_OPTION_VALUE;
}

static s64 kernel_call(const struct tape_call_rules *rules, const struct tape_step *step)
{
	u32 two[2] = {0};
	long a[6];
	long result;

	for (u32 i = 0; i < 6; i++) {
		u8 kind = tape_rule(rules, i)->kind;

		a[i] = (long)step->arguments[i];
		if (is_offset(kind))
			a[i] = POINTER(play_data(step->arguments[i]));
		else if (kind == TAPE_ARGUMENT_PAIR)
			a[i] = POINTER(two);
	}
	result = sys_call(rules->system_call, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (result == 0 && rules->result == TAPE_RESULT_PAIR)
		return (s64)((u64)two[1] << 32 | two[0]);
	return result;
}

static bool holds(const struct tape_step *step, s64 result)
{
	switch (step->check) {
	case TAPE_CHECK_EQUAL:
		return result == step->want;
	case TAPE_CHECK_NOT_NEGATIVE:
		return result >= 0;
	default:
		return true;
	}
}

void play_stamp(void)
{
	u64 none = 0;

	if (!__atomic_load_n(&play.shared->resumed_ns, __ATOMIC_ACQUIRE))
		__atomic_compare_exchange_n(&play.shared->resumed_ns, &none, clock_ns(CLOCK_BOOTTIME), false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE);
}

/* Memory and descriptors are there: from here on the application runs, and PID 1 knows it. */
static void go(void)
{
	const struct tape_header *header = play.tape.header;

	play_wait_for_threads();
	if (header->generation_page)
		generation_write((void *)(usize)header->generation_page, header->dumped_monotonic_ns, header->dumped_realtime_ns);
	/* From here on no deadline ends it. PID 1, which would want a processor as well, is woken later. */
	__atomic_store_n(&play.shared->state, PLAY_RESUMED, __ATOMIC_RELEASE);
	play_release_threads();
	play_stamp();
	futex_set(&play.shared->state, PLAY_RESUMED, FUTEX_SHARED);
	signal_queue((pid)header->pid, header->resume_signal, header->resume_value);
}

/* Meanwhile PID 1 looks at files and makes what is carried. Where it ends without a word, so does this. */
static void wait_until_allowed(void)
{
	const timespec look = timespec_of(PLAY_LOOK_NS);

	while (!__atomic_load_n(&play.shared->allowed, __ATOMIC_ACQUIRE)) {
		if (sys_getppid() != play.parent)
			sys_exit_group(1);
		futex_wait(&play.shared->allowed, 0, FUTEX_SHARED, &look);
	}
}

/*
 * Of what no other process sees anything, what takes no memory (whether there is enough has not been looked at), and what does not depend
 * on what is carried but for a file that is not there yet: one that may be missing may be made anew as well.
 */
static bool is_early(const struct tape_step *step)
{
	switch (step->call) {
	case TAPE_CALL_OPEN:
		return (step->arguments[2] & O_ACCMODE) == O_RDONLY && !step->skip_on_failure;
	case TAPE_CALL_SEEK:
		return step->arguments[0] > 2;
	case TAPE_CALL_MAP_ANONYMOUS:
	case TAPE_CALL_MAP_PRIVATE:
	case TAPE_CALL_MAP_SHARED:
		return !(step->arguments[3] & MAP_LOCKED);
	case TAPE_CALL_CLOSE:
	case TAPE_CALL_VDSO:
	case TAPE_CALL_CLEAR:
	case TAPE_CALL_THREADS:
	case TAPE_CALL_RAISE_LIMIT:
		return true;
	default:
		return false;
	}
}

static s64 make_step(const struct tape_step *step)
{
	const struct tape_call_rules *rules = tape_call_rules(step->call);

	return rules->system_call == TAPE_OWN ? own_call(step) : kernel_call(rules, step);
}

static void make_steps(void)
{
	const struct tape_step *steps = tape_rows(&play.tape, play.tape.header->steps);
	u32 count = play.tape.header->steps.count;
	bool early = true;

	for (u32 i = 0; i < count; i++) {
		const struct tape_step *step = &steps[i];
		s64 result;
		bool good;

		if (early && !is_early(step)) {
			wait_until_allowed();
			early = false;
		}
		if (step->call == TAPE_CALL_GO) {
			go();
			continue;
		}
		result = make_step(step);
		if (early && step->call == TAPE_CALL_OPEN && result < 0) {
			wait_until_allowed();
			early = false;
			result = make_step(step);
		}
		good = holds(step, result);
		if (!good && !step->skip_on_failure)
			play_fail(PLAY_PROBLEM_STEP, i, result);
		i += good ? step->skip_on_success : step->skip_on_failure;
	}
	play_become_first();
}

static long move(const void *from, usize size, u64 to)
{
	return sys_call(__NR_mremap, POINTER(from), (long)size, (long)size, MREMAP_MAYMOVE | MREMAP_FIXED, (long)to, 0);
}

/* The tape and the shared page go to the hole, where they outlive everything else. */
static void move_to_hole(void)
{
	const struct tape_header *header = play.tape.header;
	u64 hole = header->hole;
	u64 tape_at = hole + PLAY_THREADS_AT + (u64)header->threads.count * TAPE_HOLE_THREAD_BYTES;
	long result = sys_call(__NR_mmap, (long)hole, (long)header->hole_bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	/* Kernels before 4.17 take the address as a hint. */
	if (result != (long)hole)
		play_fail(PLAY_PROBLEM_HOLE, 0, result);
	result = move(play.shared, sizeof(*play.shared), hole + PLAY_SHARED_AT);
	if (result >= 0 || result < -4095) {
		play.shared = (void *)(usize)(hole + PLAY_SHARED_AT);
		result = move(play.tape.bytes, play.tape.size, tape_at);
	}
	if (result != (long)tape_at)
		play_fail(PLAY_PROBLEM_HOLE, 0, result);
	play.tape.data += tape_at - (u64)(usize)play.tape.bytes;
	play.tape.header = (const void *)(usize)tape_at;
	play.tape.bytes = (const void *)(usize)tape_at;
}

static void close_all_from(u32 first)
{
	if (sys_close_range(first, UINT32_MAX, 0) != 0)
		for (int fd = (int)first; fd < 1024; fd++)
			sys_close(fd);
}

_Noreturn void play_lead(void)
{
	const signal_set all = ~0ull;

	/* A fault of what is not yet the application must not come to a handler that is. */
	sys_rt_sigprocmask(SIG_SETMASK, &all, NULL);
	/* Descriptors of the tape are the lowest that are free. */
	close_all_from(3);
	sys_setsid();
	move_to_hole();
	play_switch_stack(play.tape.header->hole + PLAY_STACK_AT + PLAY_STACK_BYTES, make_steps);
}
