/* What the arguments of steps may be, and what they refer to in the data: images/tape/validate-steps.ts and data-reader.ts. */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/un.h>
#include "mem.h"
#include "tape_check.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SIGKILL 9
#define SIGSTOP 19

bool tape_has_bytes(const struct tape *tape, u64 offset, u64 size, u64 alignment)
{
	return offset >= 8 && offset % alignment == 0 && offset <= tape->data_size && size <= tape->data_size - offset;
}

/* Ended by a NUL after at most `max` bytes. What comes before it ends with one too, so that texts do not share bytes. */
static bool is_text(const struct tape *tape, u64 offset, u32 max)
{
	if (!tape_has_bytes(tape, offset, 1, 1) || tape->data[offset - 1])
		return false;
	for (u64 at = offset; at < tape->data_size && at <= offset + max; at++)
		if (!tape->data[at])
			return true;
	return false;
}

static bool is_path(const struct tape *tape, u64 offset)
{
	const char *path;

	if (!is_text(tape, offset, RECORD_PATH_MAX))
		return false;
	path = (const char *)tape->data + offset;
	return path_is_clean(path, true) || text_equal(path, "/");
}

static bool are_vectors(const struct tape *tape, const struct reserved *reserved, u64 offset, u64 count)
{
	const struct tape_vector *vectors;

	if (count > TAPE_MAX_VECTORS || !tape_has_bytes(tape, offset, count * sizeof(*vectors), 8))
		return false;
	vectors = (const void *)(tape->data + offset);
	for (u64 i = 0; i < count; i++)
		if (!range_is_free(reserved, vectors[i].address, vectors[i].size_bytes))
			return false;
	return true;
}

/* Of the Internet families, or an abstract name, which stands for no file. */
static bool is_socket_address(const struct tape *tape, u64 offset, u64 size)
{
	const u8 *bytes;

	if (size < 3 || !tape_has_bytes(tape, offset, size, 8))
		return false;
	bytes = tape->data + offset;
	switch (bytes[0] | bytes[1] << 8) {
	case AF_INET:
		return size == sizeof(struct sockaddr_in);
	case AF_INET6:
		return size == sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return size <= sizeof(struct sockaddr_un) && !bytes[2];
	default:
		return false;
	}
}

static bool is_memory_map(const struct tape *tape, u64 offset)
{
	const struct tape_memory_map *map = (const void *)(tape->data + offset);
	const u64 *addresses = (const void *)map;

	for (usize i = 0; i < offsetof(struct tape_memory_map, auxv) / sizeof(u64); i++)
		if (addresses[i] > TAPE_USER_SPACE_END)
			return false;
	return map->auxv.count <= TAPE_MAX_AUXV_WORDS && map->auxv.count % 2 == 0 &&
	       tape_has_bytes(tape, map->auxv.offset, map->auxv.count * sizeof(u64), 8);
}

static bool is_option(u64 level, u64 name, u64 size)
{
	static const struct {
		u8 level;
		u8 name;
		u8 bytes;
	} options[] = {
#define OPTION(level, name, bytes) {level, name, bytes},
		TAPE_SOCKET_OPTIONS(OPTION)
#undef OPTION
	};

	for (usize i = 0; i < ARRAY_COUNT(options); i++)
		if (options[i].level == level && options[i].name == name && options[i].bytes == size)
			return true;
	return false;
}

static bool is_advice(u64 number)
{
	static const u8 advice[] = {
#define ADVICE(number) number,
		TAPE_ADVICE(ADVICE)
#undef ADVICE
	};

	for (usize i = 0; i < ARRAY_COUNT(advice); i++)
		if (advice[i] == number)
			return true;
	return false;
}

/* `next` is the argument behind it; 0 behind the last. */
static bool is_good(const struct tape *tape, const struct reserved *reserved, const struct tape_rule *rule, const u64 *at, u64 next)
{
	u64 value = *at;
	u64 limit = rule->limit;

	switch ((enum tape_argument)rule->kind) {
	case TAPE_ARGUMENT_NONE:
	case TAPE_ARGUMENT_PAIR:
		return !value;
	case TAPE_ARGUMENT_FIXED:
		return value == (u64)(s64)(int32_t)rule->limit;
	case TAPE_ARGUMENT_NUMBER:
		return value >= rule->need && value <= limit;
	case TAPE_ARGUMENT_FLAGS:
		return !(value & ~limit) && !(rule->need & ~value);
	case TAPE_ARGUMENT_DESCRIPTOR:
	case TAPE_ARGUMENT_NEW_DESCRIPTOR:
		return value < tape->header->descriptor_limit;
	case TAPE_ARGUMENT_PATH_OR_NONE:
		return !value || is_path(tape, value);
	case TAPE_ARGUMENT_PATH:
		return is_path(tape, value);
	case TAPE_ARGUMENT_NAME:
		return is_text(tape, value, rule->limit);
	case TAPE_ARGUMENT_ADDRESS:
		return value % PAGE_BYTES == 0 && range_is_free(reserved, value, next);
	case TAPE_ARGUMENT_LENGTH:
		return value && value % PAGE_BYTES == 0;
	case TAPE_ARGUMENT_FILE_OFFSET:
		return value >> 62 == 0 && value % PAGE_BYTES == 0;
	case TAPE_ARGUMENT_SIZE:
		return value >> 62 == 0;
	case TAPE_ARGUMENT_DATA:
		return tape_has_bytes(tape, value, limit, 8);
	case TAPE_ARGUMENT_BYTES:
		return next && tape_has_bytes(tape, value, next, 1);
	case TAPE_ARGUMENT_VECTORS:
		return are_vectors(tape, reserved, value, next);
	case TAPE_ARGUMENT_ADDRESS4OR6:
		return is_socket_address(tape, value, next);
	case TAPE_ARGUMENT_COUNT:
		return value && value <= limit;
	case TAPE_ARGUMENT_OPTION:
		return is_option(value, next, at[3]);
	case TAPE_ARGUMENT_OPTION_NAME:
	case TAPE_ARGUMENT_OPTION_SIZE:
		return true; /* with the option */
	case TAPE_ARGUMENT_OPTION_VALUE:
		return next && tape_has_bytes(tape, value, next, 8);
	case TAPE_ARGUMENT_ADVICE:
		return is_advice(value);
	}
	return false;
}

bool arguments_are_good(const struct tape *tape, const struct reserved *reserved, const struct tape_step *step, u64 *vectors)
{
	const struct tape_call_rules *call = tape_call_rules(step->call);
	const u64 *arguments = step->arguments;

	for (u32 i = 0; i < 6; i++)
		if (!is_good(tape, reserved, tape_rule(call, i), &arguments[i], i < 5 ? arguments[i + 1] : 0))
			return false;
	switch (step->call) {
	/* A bound on the work that a small tape can ask for. */
	case TAPE_CALL_READ:
		*vectors += arguments[2];
		return *vectors <= TAPE_MAX_STEPS;
	case TAPE_CALL_POPULATE:
		*vectors += arguments[1];
		return *vectors <= TAPE_MAX_STEPS;
	case TAPE_CALL_MEMORY_MAP:
		return is_memory_map(tape, arguments[0]);
	case TAPE_CALL_SIGNAL_ACTION:
		return arguments[0] != SIGKILL && arguments[0] != SIGSTOP;
	default:
		return true;
	}
}
