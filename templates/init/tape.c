/* The tape as bytes: that everything lies where the header says, and that every field has a value it can have (images/tape/codec.ts). */
#include "checksum.h"
#include "mem.h"
#include "tape_check.h"

_Static_assert(sizeof(struct tape_header) % 8 == 0, "tables of whole words follow each other without padding");
#define IS_WHOLE(member, row_bytes) _Static_assert((row_bytes) % 8 == 0, #member);
TAPE_TABLES(IS_WHOLE)
#undef IS_WHOLE

const void *tape_rows(const struct tape *tape, struct record_table table)
{
	return tape->bytes + table.offset;
}

usize tape_scratch_bytes(const void *bytes, usize size)
{
	const struct tape_header *header = bytes;

	/* tape_open refuses these before it works in the memory; mmap takes no size of 0. */
	if (size < sizeof(*header) || header->steps.count > TAPE_MAX_STEPS || header->descriptor_limit > TAPE_MAX_DESCRIPTORS)
		return 1;
	return header->steps.count * sizeof(struct range) + (1 + MAX_ARRIVALS) * descriptor_words(header->descriptor_limit) * sizeof(u64);
}

static enum tape_error check_header(const u8 *bytes, usize size)
{
	const struct tape_header *header = (const void *)bytes;

	if (size < sizeof(*header))
		return TAPE_ERROR_TRUNCATED;
	if (header->magic != TAPE_MAGIC)
		return TAPE_ERROR_MAGIC;
	if (header->version != TAPE_VERSION)
		return TAPE_ERROR_VERSION;
	if (header->features_required & ~TAPE_FEATURES)
		return TAPE_ERROR_FEATURES;
	if (header->size_bytes != size || size > TAPE_MAX_BYTES)
		return TAPE_ERROR_SIZE;
	if (crc32_around(bytes, size, offsetof(struct tape_header, crc32)) != header->crc32)
		return TAPE_ERROR_CHECKSUM;
	return 0;
}

/* Tables follow each other, and the data ends the tape. */
static bool tables_are_good(const struct tape *tape)
{
	const struct tape_header *header = tape->header;
	u64 expected = sizeof(*header);

#define CHECK_TABLE(member, row_bytes)                                  \
	if (header->member.offset != expected)                          \
		return false;                                           \
	expected += (u64)(row_bytes)*header->member.count;              \
	if (expected > tape->size)                                      \
		return false;
	TAPE_TABLES(CHECK_TABLE)
#undef CHECK_TABLE
	if (header->data.offset != expected || expected + header->data.count != tape->size || header->data.count % 8)
		return false;
	return header->steps.count <= TAPE_MAX_STEPS && header->threads.count <= TAPE_MAX_THREADS;
}

/* With a NUL at its end and nothing but zeros behind it. */
static bool name_is_good(const u8 *name, usize room)
{
	usize length = 0;

	while (length < room && name[length])
		length++;
	return length < room && all_zero(name + length, room - length);
}

static bool values_are_good(const struct tape *tape)
{
	const struct tape_header *header = tape->header;
	const struct tape_component *components = tape_rows(tape, header->components);
	const struct tape_thread *threads = tape_rows(tape, header->threads);
	const struct tape_function *functions = tape_rows(tape, header->functions);
	u32 id_bytes = header->vdso_build_id_bytes;
	u64 taken = 0;

	if (header->machine != TAPE_MACHINE_X86_64 || header->reserved || id_bytes > sizeof(header->vdso_build_id))
		return false;
	if (!all_zero(header->vdso_build_id + id_bytes, sizeof(header->vdso_build_id) - id_bytes))
		return false;
	for (u32 i = 0; i < header->components.count; i++)
		if (components[i].optional > 1)
			return false;
	for (u32 i = 0; i < header->threads.count; i++) {
		taken += threads[i].components;
		if (threads[i].niceness > 39 || !name_is_good(threads[i].name, sizeof(threads[i].name)))
			return false;
	}
	for (u32 i = 0; i < header->functions.count; i++)
		if (functions[i].direct > 1 || functions[i].reserved || !name_is_good(functions[i].name, sizeof(functions[i].name)))
			return false;
	return taken == header->components.count;
}

static enum tape_error check_calls(const struct tape *tape, u32 *step)
{
	const struct tape_header *header = tape->header;
	const struct tape_step *steps = tape_rows(tape, header->steps);

	for (u32 i = 0; i < header->steps.count; i++) {
		if (!tape_call_rules(steps[i].call) || steps[i].check > TAPE_CHECK_NOT_NEGATIVE || steps[i].reserved) {
			*step = i;
			return TAPE_ERROR_CALL;
		}
	}
	return 0;
}

enum tape_error tape_open(const void *bytes, usize size, void *scratch, struct tape *tape, u32 *step)
{
	enum tape_error error = check_header(bytes, size);
	struct reserved reserved;

	*step = TAPE_NO_STEP;
	if (error)
		return error;
	*tape = (struct tape){.bytes = bytes, .size = size, .header = bytes};
	if (!tables_are_good(tape))
		return TAPE_ERROR_TABLE;
	tape->data = tape->bytes + tape->header->data.offset;
	tape->data_size = tape->header->data.count;
	if (!values_are_good(tape))
		return TAPE_ERROR_VALUE;
	error = check_calls(tape, step);
	if (!error)
		error = check_process(tape, &reserved);
	if (!error)
		error = check_steps(tape, &reserved, scratch, step);
	return error;
}
