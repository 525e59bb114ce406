/*
 * What has to hold of a tape that was accepted, found out in another way than the reader does: its steps are played on a model of
 * descriptors and of memory, by several of the ways that lead through them. Slow and simple.
 */
#ifndef TAPE_MODEL_H
#define TAPE_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../../../../templates/init/tape.h"

enum { closed = 0, plain, channel, memory_file };

struct model {
	const struct tape *tape;
	u32 mapping_count;
	struct {
		unsigned __int128 start, end;
	} *mappings;
	u8 open[TAPE_MAX_DESCRIPTORS];
};

#define HOLDS(condition)                                                        \
	do {                                                                    \
		if (!(condition)) {                                             \
			printf("step %u: not %s\n", (unsigned)index, #condition); \
			exit(1);                                                \
		}                                                               \
	} while (0)

static bool apart(unsigned __int128 start, unsigned __int128 end, unsigned __int128 other, unsigned __int128 bytes)
{
	return end <= other || other + bytes <= start;
}

static bool is_of_application(const struct tape *tape, u64 address, u64 bytes)
{
	const struct tape_header *h = tape->header;
	const struct tape_area *areas = tape_rows(tape, h->areas);
	unsigned __int128 start = address, end = start + bytes;
	bool good = bytes > 0 && end <= 0x7ffffffff000 && apart(start, end, h->hole, h->hole_bytes) &&
		    apart(start, end, h->vdso, h->vdso_bytes) && apart(start, end, 0x200000, 0x100000);

	for (u32 i = 0; i < h->areas.count; i++)
		good = good && apart(start, end, areas[i].address, areas[i].size_bytes);
	return good;
}

static bool is_mapped(const struct model *model, u64 address, u64 bytes)
{
	unsigned __int128 at = address, end = at + bytes;

	while (at < end) {
		u32 i = 0;

		while (i < model->mapping_count && !(model->mappings[i].start <= at && at < model->mappings[i].end))
			i++;
		if (i == model->mapping_count)
			return false;
		at = model->mappings[i].end;
	}
	return true;
}

/* The text is in the data, and so is its end. */
static const char *text_at(const struct tape *tape, u64 offset)
{
	if (offset == 0 || offset >= tape->data_size || tape->data[offset - 1] || !memchr(tape->data + offset, 0, tape->data_size - offset))
		return NULL;
	return (const char *)tape->data + offset;
}

static bool is_clean(const char *path)
{
	char padded[4096 + 2];

	if (!path || strlen(path) > 4095 || path[0] != '/')
		return false;
	snprintf(padded, sizeof(padded), "%s/", path);
	return strcmp(path, "/") == 0 || (!strstr(padded, "//") && !strstr(padded, "/./") && !strstr(padded, "/../"));
}

static u64 take_lowest(struct model *model, u8 kind)
{
	u64 lowest = 0;

	while (lowest < TAPE_MAX_DESCRIPTORS && model->open[lowest])
		lowest++;
	if (lowest < TAPE_MAX_DESCRIPTORS)
		model->open[lowest] = kind;
	return lowest;
}

/* The one step, with what the kernel would do. */
static void play(struct model *model, u32 index)
{
	const struct tape *tape = model->tape;
	const struct tape_step *step = (const struct tape_step *)tape_rows(tape, tape->header->steps) + index;
	const struct tape_call_rules *call = tape_call_rules(step->call);
	const u64 *a = step->arguments;

	HOLDS(call);
	for (u32 i = 0; i < 6; i++)
		if (tape_rule(call, i)->kind == TAPE_ARGUMENT_DESCRIPTOR)
			HOLDS(a[i] < tape->header->descriptor_limit && model->open[a[i]]);
	switch (step->call) {
	case TAPE_CALL_MAP_ANONYMOUS:
	case TAPE_CALL_MAP_PRIVATE:
	case TAPE_CALL_MAP_SHARED:
		HOLDS(a[0] % 4096 == 0 && a[1] % 4096 == 0 && is_of_application(tape, a[0], a[1]) && a[2] <= 7);
		/* MAP_FIXED_NOREPLACE without MAP_FIXED. */
		HOLDS((a[3] & 0x100010) == 0x100000);
		for (u32 i = 0; i < model->mapping_count; i++)
			HOLDS(apart(a[0], (unsigned __int128)a[0] + a[1], model->mappings[i].start,
				    model->mappings[i].end - model->mappings[i].start));
		model->mappings[model->mapping_count].start = a[0];
		model->mappings[model->mapping_count++].end = (unsigned __int128)a[0] + a[1];
		break;
	case TAPE_CALL_MAP_SHARED_OVER:
	case TAPE_CALL_MAP_DROPPABLE_OVER:
	case TAPE_CALL_PROTECT:
	case TAPE_CALL_ADVISE:
		HOLDS(a[0] % 4096 == 0 && a[1] % 4096 == 0 && is_of_application(tape, a[0], a[1]) && is_mapped(model, a[0], a[1]));
		/* MADV_DONTNEED, MADV_FREE, MADV_REMOVE. */
		HOLDS(step->call != TAPE_CALL_ADVISE || (a[2] != 4 && a[2] != 8 && a[2] != 9));
		break;
	case TAPE_CALL_READ:
		a++;
		/* fall through */
	case TAPE_CALL_POPULATE:
		HOLDS(a[1] > 0 && a[1] <= 1024 && a[0] % 8 == 0 && a[0] <= tape->data_size && a[1] * 16 <= tape->data_size - a[0]);
		for (u64 i = 0; i < a[1]; i++) {
			const u64 *vector = (const u64 *)(tape->data + a[0]) + 2 * i;

			HOLDS(is_of_application(tape, vector[0], vector[1]) && is_mapped(model, vector[0], vector[1]));
		}
		break;
	case TAPE_CALL_OPEN:
		HOLDS(is_clean(text_at(tape, a[1])));
		/* O_CREAT, O_TRUNC, O_TMPFILE. */
		HOLDS((a[2] & (0100 | 01000 | 020000000)) == 0 && a[2] >> 32 == 0);
		break;
	case TAPE_CALL_WATCH:
		HOLDS(is_clean(text_at(tape, a[1])));
		break;
	case TAPE_CALL_DIRECTORY:
	case TAPE_CALL_FIFO:
		HOLDS(is_clean(text_at(tape, a[0])));
		break;
	case TAPE_CALL_BIND_PATH:
		HOLDS(is_clean(text_at(tape, a[1])) && (a[3] == 0 || is_clean(text_at(tape, a[3]))));
		break;
	case TAPE_CALL_MEMFD:
		HOLDS(text_at(tape, a[0]) && strlen(text_at(tape, a[0])) <= 249);
		break;
	case TAPE_CALL_WRITE:
		HOLDS(model->open[a[0]] == channel && a[1] <= tape->data_size && a[2] <= tape->data_size - a[1]);
		break;
	case TAPE_CALL_TRUNCATE:
	case TAPE_CALL_MODE:
	case TAPE_CALL_SEND:
		HOLDS(model->open[a[0]] == memory_file);
		break;
	case TAPE_CALL_SOCKET_OPTION:
		HOLDS(a[4] > 0 && a[3] <= tape->data_size && a[4] <= tape->data_size - a[3]);
		break;
	case TAPE_CALL_BIND:
	case TAPE_CALL_CONNECT:
		HOLDS(a[2] >= 3 && a[1] <= tape->data_size && a[2] <= tape->data_size - a[1]);
		HOLDS(tape->data[a[1]] != 1 || tape->data[a[1] + 2] == 0);
		break;
	case TAPE_CALL_CLOSE:
		model->open[a[0]] = closed;
		HOLDS(step->want == 0 && step->check == TAPE_CHECK_EQUAL);
		break;
	case TAPE_CALL_DUPLICATE:
		HOLDS(a[0] != a[1] && a[1] < tape->header->descriptor_limit && step->want == (s64)a[1] && step->check == TAPE_CHECK_EQUAL);
		model->open[a[1]] = model->open[a[0]];
		break;
	default:
		break;
	}
	if (call->result == TAPE_RESULT_DESCRIPTOR)
		HOLDS(step->want == (s64)take_lowest(model, step->call == TAPE_CALL_MEMFD ? memory_file : step->call == TAPE_CALL_FIFO ? channel : plain));
	if (call->result == TAPE_RESULT_PAIR) {
		u64 first = take_lowest(model, channel);

		HOLDS(step->want == (s64)(first + (take_lowest(model, channel) << 32)));
	}
}

/* Bits of `way` say which of the steps that may fail do so. */
static void walk(struct model *model, u64 way)
{
	const struct tape_header *h = model->tape->header;
	const struct tape_step *steps = tape_rows(model->tape, h->steps);
	u32 go = 0;
	u32 threads = 0;

	memset(model->open, closed, sizeof(model->open));
	memset(model->open, plain, 3);
	model->mapping_count = 0;
	for (u32 index = 0; index < h->steps.count; index++) {
		u8 skip = 0;

		HOLDS(index > 2 || steps[index].call == TAPE_CALL_VDSO + index);
		threads += steps[index].call == TAPE_CALL_THREADS;
		HOLDS(!go || steps[index].call == TAPE_CALL_POPULATE);
		go += steps[index].call == TAPE_CALL_GO;
		if (steps[index].skip_on_failure && (way = way >> 1 | way << 63) >> 63) {
			skip = steps[index].skip_on_failure;
		} else {
			play(model, index);
			skip = steps[index].skip_on_success;
		}
		HOLDS(!skip || !go);
		index += skip;
		HOLDS(index < h->steps.count);
	}
	u32 index = h->steps.count;
	HOLDS(go == 1 && threads == 1);
	HOLDS(!h->generation_page || is_mapped(model, h->generation_page, 4096));
}

/* Ends the program where something does not hold. */
static void check_accepted(const struct tape *tape)
{
	const struct tape_header *h = tape->header;
	const struct tape_thread *threads = tape_rows(tape, h->threads);
	struct model *model = calloc(1, sizeof(*model));
	u32 index = 0;

	model->tape = tape;
	model->mappings = calloc(h->steps.count, sizeof(*model->mappings));
	HOLDS(h->hole % 4096 == 0 && h->hole >= 0x10000000 && h->hole + tape->size < h->hole + h->hole_bytes);
	for (; index < h->threads.count; index++) {
		u64 ip = threads[index].registers[TAPE_REGISTER_IP];

		HOLDS(apart(ip, (unsigned __int128)ip + 1, h->hole, h->hole_bytes) && ip < 0x7ffffffff000);
		/* The privilege level of ports, virtual mode. */
		HOLDS((threads[index].registers[TAPE_REGISTER_FLAGS] & 0x23000) == 0);
		HOLDS(threads[index].legacy % 8 == 0 && (u64)threads[index].legacy + 512 <= tape->data_size);
	}
	walk(model, 0);
	walk(model, ~0ull);
	for (u64 way = 1; way < 6; way++)
		walk(model, way * 0x9e3779b97f4a7c15ull);
	free(model->mappings);
	free(model);
}

#endif
