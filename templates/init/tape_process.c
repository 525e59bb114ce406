/* The process that a tape makes: its hole, vDSO, threads. The rules and their order are those of images/tape/validate.ts. */
#include "tape_check.h"
#include "mem.h"

static bool is_pages(u64 start, u64 size, struct range *range)
{
	return range_at(start, size, range) && (start | size) % PAGE_BYTES == 0;
}

static bool overlaps_any(const struct reserved *reserved, struct range range)
{
	for (u32 i = 0; i < reserved->count; i++)
		if (ranges_overlap(reserved->ranges[i], range))
			return true;
	return false;
}

bool range_is_free(const struct reserved *reserved, u64 start, u64 size)
{
	struct range range;

	return range_at(start, size, &range) && !overlaps_any(reserved, range);
}

static bool hole_is_good(const struct tape *tape, struct range *hole)
{
	const struct tape_header *header = tape->header;
	u64 pages = (tape->size + PAGE_BYTES - 1) / PAGE_BYTES;
	u64 needed = TAPE_HOLE_FIXED_BYTES + (u64)header->threads.count * TAPE_HOLE_THREAD_BYTES + pages * PAGE_BYTES;

	return is_pages(header->hole, header->hole_bytes, hole) && hole->start >= TAPE_HOLE_LOWEST && header->hole_bytes >= needed;
}

/* Each has room for a jump, which is in the vDSO and in no other function. */
static bool functions_are_good(const struct tape *tape)
{
	const struct tape_header *header = tape->header;
	const struct tape_function *functions = tape_rows(tape, header->functions);

	if (header->functions.count > TAPE_VDSO_MAX_FUNCTIONS)
		return false;
	for (u32 i = 0; i < header->functions.count; i++) {
		u64 end = (u64)functions[i].offset + TAPE_VDSO_JUMP_BYTES;

		if (end > header->vdso_bytes || !functions[i].name[0] || functions[i].system_call > TAPE_MAX_SYSTEM_CALL)
			return false;
		for (u32 j = 0; j < header->functions.count; j++)
			if (i != j && functions[j].offset >= functions[i].offset && functions[j].offset < end)
				return false;
	}
	return true;
}

/* Adds the vDSO and its areas to what is reserved. */
static bool vdso_is_good(const struct tape *tape, struct reserved *reserved)
{
	const struct tape_header *header = tape->header;
	const struct tape_area *areas = tape_rows(tape, header->areas);
	u64 total = header->vdso_bytes;
	u64 previous = 0;
	struct range range;

	if (header->areas.count > TAPE_VDSO_MAX_AREAS)
		return false;
	for (u32 i = 0; i < header->areas.count; i++) {
		if (!is_pages(areas[i].address, areas[i].size_bytes, &range) || range.start < previous || overlaps_any(reserved, range))
			return false;
		reserved->ranges[reserved->count++] = range;
		previous = range.start;
		total += areas[i].size_bytes;
	}
	if (!is_pages(header->vdso, header->vdso_bytes, &range) || overlaps_any(reserved, range) || total > TAPE_VDSO_MAX_BYTES)
		return false;
	reserved->ranges[reserved->count++] = range;
	if (header->vdso_copy % 8 || (u64)header->vdso_copy + header->vdso_bytes > tape->data_size || header->vdso_build_id_bytes < 4)
		return false;
	return functions_are_good(tape);
}

/* Addresses of threads may be anywhere but where crac-init works: they are used when the thread runs, if at all. */
static bool is_here(const struct reserved *hole_and_init, u64 address)
{
	return range_is_free(hole_and_init, address, 1);
}

static bool components_are_good(const struct tape *tape, const struct tape_thread *thread, const struct tape_component *components,
				u64 *required)
{
	/* In units of eight bytes. */
	static const u8 sizes[] = {
#define COMPONENT(number, bytes) [number] = (bytes) / 8,
		TAPE_COMPONENTS(COMPONENT)
#undef COMPONENT
	};
	u64 state = thread->state & 3;
	u32 previous = 1;

	for (u32 i = 0; i < thread->components; i++) {
		const struct tape_component *row = &components[i];

		if (row->number <= previous || row->number >= ARRAY_COUNT(sizes) || !sizes[row->number])
			return false;
		if (row->size_bytes != sizes[row->number] * 8u || row->offset % 8 || (u64)row->offset + row->size_bytes > tape->data_size)
			return false;
		previous = row->number;
		state |= 1ull << row->number;
		if (!row->optional)
			*required |= 1ull << row->number;
	}
	return state == thread->state;
}

static bool thread_is_good(const struct tape *tape, const struct reserved *hole_and_init, const struct tape_thread *thread)
{
	const u64 addresses[] = {
		thread->fs_base, thread->gs_base,   thread->clear_tid,			    thread->robust_list,
		thread->rseq,	 thread->alt_stack, thread->registers[TAPE_REGISTER_IP],
	};

	for (usize i = 0; i < ARRAY_COUNT(addresses); i++)
		if (!is_here(hole_and_init, addresses[i]))
			return false;
	if (thread->alt_stack_bytes > TAPE_USER_SPACE_END || thread->robust_list_bytes > PAGE_BYTES || thread->rseq_bytes > PAGE_BYTES)
		return false;
	/* SS_ONSTACK, SS_DISABLE, SS_AUTODISARM (linux/signal.h). */
	if (thread->alt_stack_flags & ~0x80000003u || thread->registers[TAPE_REGISTER_FLAGS] & ~(u64)TAPE_USER_FLAGS)
		return false;
	return thread->legacy % 8 == 0 && (u64)thread->legacy + TAPE_LEGACY_BYTES <= tape->data_size;
}

static bool threads_are_good(const struct tape *tape, const struct reserved *hole_and_init)
{
	const struct tape_header *header = tape->header;
	const struct tape_thread *threads = tape_rows(tape, header->threads);
	const struct tape_component *components = tape_rows(tape, header->components);
	u64 required = 0;
	u32 previous = 1;

	if (!header->threads.count || threads->tid != header->pid)
		return false;
	for (u32 i = 0; i < header->threads.count; i++) {
		if (threads[i].tid <= previous || threads[i].tid > RECORD_PID_MAX)
			return false;
		if (!thread_is_good(tape, hole_and_init, &threads[i]) || !components_are_good(tape, &threads[i], components, &required))
			return false;
		previous = threads[i].tid;
		components += threads[i].components;
	}
	return !(required & ~header->state_required) && header->state_required >> 19 == 0;
}

enum tape_error check_process(const struct tape *tape, struct reserved *reserved)
{
	const struct tape_header *header = tape->header;
	struct reserved hole_and_init;

	if (!hole_is_good(tape, &reserved->ranges[0]))
		return TAPE_ERROR_HOLE;
	reserved->ranges[1] = (struct range){TAPE_INIT_START, TAPE_INIT_START + TAPE_INIT_BYTES};
	reserved->count = 2;
	hole_and_init = *reserved;
	if (!vdso_is_good(tape, reserved))
		return TAPE_ERROR_VDSO;
	if (!threads_are_good(tape, &hole_and_init))
		return TAPE_ERROR_THREAD;
	if (header->descriptor_limit > TAPE_MAX_DESCRIPTORS || header->resume_signal > 64)
		return TAPE_ERROR_VALUE;
	if (header->generation_page % PAGE_BYTES || header->generation_page >= TAPE_USER_SPACE_END)
		return TAPE_ERROR_VALUE;
	/* There are as many: the copy of the vDSO has more. */
	return all_zero(tape->data, 8) ? 0 : TAPE_ERROR_VALUE;
}
