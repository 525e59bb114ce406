/*
 * What holds between the steps of a tape: their order, the descriptors that are open, the memory that is mapped. One pass; the rules and
 * their order are those of images/tape/validate-steps.ts.
 */
#include "mem.h"
#include "tape_check.h"

/* The sets of descriptors. A state has the words of these in turn. */
#define OPEN 1u
#define CHANNEL 2u /* a pipe or socket of the tape: may be written to */
#define MEMORY 4u /* a file in memory: may be filled and made larger */

struct arrival {
	u32 at;
	bool differs;
};

struct checker {
	const struct tape *tape;
	const struct reserved *reserved;
	const struct tape_step *steps;
	u32 go;
	u32 skipped_until; /* steps before it may be left out */
	u32 optional;
	u64 vectors;
	bool memory_map;
	bool reached; /* false: to the next step leads no way but a skip */
	struct mapped mapped;
	u64 *state; /* in which the step begins */
	u64 *arrived; /* a state for each of the arrivals */
	u32 words; /* of a state */
	u32 arrival_count;
	struct arrival arrivals[MAX_ARRIVALS];
};

static u32 sets_of(const u64 *state, u64 descriptor)
{
	const u64 *word = state + descriptor / 64 * DESCRIPTOR_SETS;
	u32 sets = 0;

	for (u32 set = 0; set < DESCRIPTOR_SETS; set++)
		sets |= (word[set] >> descriptor % 64 & 1) << set;
	return sets;
}

static void put_in_sets(u64 *state, u64 descriptor, u32 sets)
{
	u64 *word = state + descriptor / 64 * DESCRIPTOR_SETS;

	for (u32 set = 0; set < DESCRIPTOR_SETS; set++)
		word[set] = (word[set] & ~(1ull << descriptor % 64)) | (u64)(sets >> set & 1) << descriptor % 64;
}

/* The lowest number that is not open. There is one: that of the limit never is. */
static u64 lowest_free(const struct checker *checker)
{
	u32 word = 0;

	while (!~checker->state[word])
		word += DESCRIPTOR_SETS;
	return word / DESCRIPTOR_SETS * 64 + (u32)__builtin_ctzll(~checker->state[word]);
}

static bool is_map(u8 call)
{
	return call == TAPE_CALL_MAP_ANONYMOUS || call == TAPE_CALL_MAP_PRIVATE || call == TAPE_CALL_MAP_SHARED;
}

static bool uses_memory(u8 call)
{
	return call == TAPE_CALL_MAP_SHARED_OVER || call == TAPE_CALL_PROTECT || call == TAPE_CALL_ADVISE || call == TAPE_CALL_READ ||
	       call == TAPE_CALL_MAP_DROPPABLE_OVER || call == TAPE_CALL_POPULATE;
}

/* What may fail and go on, and what may be left out. */
static bool is_optional(u8 call)
{
	return !is_map(call) && (tape_call_rules(call)->system_call != TAPE_OWN || call == TAPE_CALL_BIND_PATH);
}

static bool order_is_good(struct checker *checker, const struct tape_step *step, u32 index)
{
	static const u8 beginning[] = {TAPE_CALL_VDSO, TAPE_CALL_CLEAR, TAPE_CALL_THREADS};

	for (u32 i = 0; i < ARRAY_COUNT(beginning); i++)
		if ((step->call == beginning[i]) != (i == index))
			return false;
	if ((index > checker->go) != (step->call == TAPE_CALL_POPULATE))
		return false;
	if (step->call == TAPE_CALL_POPULATE && step->check != TAPE_CHECK_IGNORE)
		return false;
	if (step->call == TAPE_CALL_MEMORY_MAP) {
		if (checker->memory_map)
			return false;
		checker->memory_map = true;
	}
	return !is_map(step->call) || !checker->mapped.complete;
}

static enum tape_error check_skips(struct checker *checker, const struct tape_step *step, u32 index)
{
	u32 skip = step->skip_on_failure > step->skip_on_success ? step->skip_on_failure : step->skip_on_success;
	u32 target = index + 1 + skip;

	if (step->check != TAPE_CHECK_EQUAL && step->want)
		return TAPE_ERROR_CALL;
	if (index < checker->skipped_until && !is_optional(step->call))
		return TAPE_ERROR_ORDER;
	if (!skip)
		return 0;
	if (step->check == TAPE_CHECK_IGNORE || !is_optional(step->call) || ++checker->optional > TAPE_MAX_OPTIONAL)
		return TAPE_ERROR_ORDER;
	if (target > checker->go)
		return TAPE_ERROR_ORDER;
	if (checker->skipped_until < target)
		checker->skipped_until = target;
	return 0;
}

static struct arrival *arrival_at(struct checker *checker, u32 index)
{
	for (u32 i = 0; i < checker->arrival_count; i++)
		if (checker->arrivals[i].at == index)
			return &checker->arrivals[i];
	return NULL;
}

static u64 *state_of(const struct checker *checker, const struct arrival *arrival)
{
	return checker->arrived + (usize)(arrival - checker->arrivals) * checker->words;
}

static bool is_state(const struct checker *checker, const struct arrival *arrival)
{
	return !memcmp(state_of(checker, arrival), checker->state, checker->words * sizeof(u64));
}

/* A way leads from here to a step behind the next one. */
static void arrive_later(struct checker *checker, u32 index)
{
	struct arrival *arrival = arrival_at(checker, index);

	if (arrival) {
		arrival->differs |= !is_state(checker, arrival);
		return;
	}
	arrival = &checker->arrivals[checker->arrival_count++];
	*arrival = (struct arrival){.at = index};
	memcpy(state_of(checker, arrival), checker->state, checker->words * sizeof(u64));
}

/* Which descriptors are open has to be the same on every way to a step. */
static enum tape_error arrive(struct checker *checker, u32 index)
{
	struct arrival *arrival = arrival_at(checker, index);

	if (!arrival)
		return checker->reached ? 0 : TAPE_ERROR_ORDER;
	if (arrival->differs || (checker->reached && !is_state(checker, arrival)))
		return TAPE_ERROR_DESCRIPTOR;
	memcpy(checker->state, state_of(checker, arrival), checker->words * sizeof(u64));
	return 0;
}

/* The kernel gives the lowest free numbers, and they have to be what is wanted. */
static bool open_lowest(struct checker *checker, const struct tape_step *step, u32 result)
{
	bool is_channel = result == TAPE_RESULT_PAIR || step->call == TAPE_CALL_FIFO;
	u32 sets = is_channel ? OPEN | CHANNEL : step->call == TAPE_CALL_MEMFD ? OPEN | MEMORY : OPEN;
	u64 want = 0;

	for (u32 shift = 0; shift <= (result == TAPE_RESULT_PAIR ? 32u : 0u); shift += 32) {
		u64 descriptor = lowest_free(checker);

		if (descriptor >= checker->tape->header->descriptor_limit)
			return false;
		put_in_sets(checker->state, descriptor, sets);
		want |= descriptor << shift;
	}
	return (u64)step->want == want;
}

static bool descriptors_are_good(struct checker *checker, const struct tape_step *step)
{
	const struct tape_call_rules *call = tape_call_rules(step->call);
	u64 first = step->arguments[0];
	u64 second = step->arguments[1];

	for (u32 i = 0; i < 6; i++)
		if (tape_rule(call, i)->kind == TAPE_ARGUMENT_DESCRIPTOR && !(sets_of(checker->state, step->arguments[i]) & OPEN))
			return false;
	switch (step->call) {
	case TAPE_CALL_WRITE:
		return sets_of(checker->state, first) & CHANNEL;
	case TAPE_CALL_SEND:
	case TAPE_CALL_TRUNCATE:
	case TAPE_CALL_MODE:
		return sets_of(checker->state, first) & MEMORY;
	case TAPE_CALL_CLOSE:
		put_in_sets(checker->state, first, 0);
		return step->check == TAPE_CHECK_EQUAL && !step->want;
	case TAPE_CALL_DUPLICATE:
		put_in_sets(checker->state, second, sets_of(checker->state, first));
		return step->check == TAPE_CHECK_EQUAL && (u64)step->want == second && first != second;
	default:
		return call->result == TAPE_RESULT_VALUE || (step->check == TAPE_CHECK_EQUAL && open_lowest(checker, step, call->result));
	}
}

/* Adds their sizes to `total`. */
static bool vectors_are_mapped(const struct checker *checker, u64 offset, u64 count, u64 *total)
{
	const struct tape_vector *vectors = (const void *)(checker->tape->data + offset);

	for (u64 i = 0; i < count; i++) {
		if (!mapped_covers(&checker->mapped, vectors[i].address, vectors[i].size_bytes))
			return false;
		*total += vectors[i].size_bytes;
	}
	return true;
}

/* What is read is asked for as a whole. */
static bool read_is_good(const struct checker *checker, const struct tape_step *step)
{
	u64 total = 0;

	return vectors_are_mapped(checker, step->arguments[1], step->arguments[2], &total) && step->check == TAPE_CHECK_EQUAL &&
	       (u64)step->want == total && total <= TAPE_MAX_TRANSFER;
}

static bool memory_is_good(struct checker *checker, const struct tape_step *step)
{
	u64 total = 0;

	if (is_map(step->call))
		mapped_add(&checker->mapped, step->arguments[0], step->arguments[1]);
	if (!uses_memory(step->call) && step->call != TAPE_CALL_GO)
		return true;
	if (!mapped_complete(&checker->mapped))
		return false;
	if (step->call == TAPE_CALL_READ)
		return read_is_good(checker, step);
	if (step->call == TAPE_CALL_POPULATE)
		return vectors_are_mapped(checker, step->arguments[0], step->arguments[1], &total);
	return step->call == TAPE_CALL_GO || mapped_covers(&checker->mapped, step->arguments[0], step->arguments[1]);
}

static enum tape_error check_step(struct checker *checker, u32 index)
{
	const struct tape_step *step = &checker->steps[index];
	enum tape_error error;

	if (!order_is_good(checker, step, index))
		return TAPE_ERROR_ORDER;
	if (!arguments_are_good(checker->tape, checker->reserved, step, &checker->vectors))
		return TAPE_ERROR_ARGUMENT;
	error = check_skips(checker, step, index);
	if (!error)
		error = arrive(checker, index);
	if (error)
		return error;
	if (step->skip_on_failure)
		arrive_later(checker, index + 1 + step->skip_on_failure);
	if (!descriptors_are_good(checker, step))
		return TAPE_ERROR_DESCRIPTOR;
	if (!memory_is_good(checker, step))
		return TAPE_ERROR_MEMORY;
	if (step->skip_on_success)
		arrive_later(checker, index + 1 + step->skip_on_success);
	checker->reached = !step->skip_on_success;
	return 0;
}

enum tape_error check_steps(const struct tape *tape, const struct reserved *reserved, void *scratch, u32 *step)
{
	const struct tape_header *header = tape->header;
	struct checker checker = {
		.tape = tape,
		.reserved = reserved,
		.steps = tape_rows(tape, header->steps),
		.reached = true,
		.mapped = {.ranges = scratch},
		.words = (u32)descriptor_words(header->descriptor_limit),
	};

	checker.state = (u64 *)(checker.mapped.ranges + header->steps.count);
	checker.arrived = checker.state + checker.words;
	while (checker.go < header->steps.count && checker.steps[checker.go].call != TAPE_CALL_GO)
		checker.go++;
	if (checker.go == header->steps.count)
		return TAPE_ERROR_ORDER;
	memset(checker.state, 0, checker.words * sizeof(u64));
	for (u32 stream = 0; stream <= 2; stream++)
		put_in_sets(checker.state, stream, OPEN);
	for (u32 i = 0; i < header->steps.count; i++) {
		enum tape_error error = check_step(&checker, i);

		if (error) {
			*step = i;
			return error;
		}
	}
	if (header->generation_page && !mapped_covers(&checker.mapped, header->generation_page, PAGE_BYTES))
		return TAPE_ERROR_MEMORY;
	return 0;
}
