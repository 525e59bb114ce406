/* The checks and their order are those of decodeRecord in images/record/record.ts. */
#include "record.h"
#include "mem.h"

const char *record_text(const struct record *record, struct record_string string)
{
	return (const char *)record->bytes + string.offset;
}

const void *record_rows(const struct record *record, struct record_table table)
{
	return record->bytes + table.offset;
}

u64 hash_bytes(const char *bytes, usize size)
{
	u64 hash = 0xcbf29ce484222325ull;

	for (usize i = 0; i < size; i++)
		hash = (hash ^ (u8)bytes[i]) * 0x100000001b3ull;
	return hash;
}

static bool is_pid(u32 number)
{
	return number >= 2 && number <= RECORD_PID_MAX;
}

static enum record_error check_header(const u8 *bytes, usize size)
{
	const struct record_header *header = (const void *)bytes;

	if (size < sizeof(*header))
		return RECORD_ERROR_TRUNCATED;
	if (header->magic != RECORD_MAGIC)
		return RECORD_ERROR_MAGIC;
	if (header->version != RECORD_VERSION)
		return RECORD_ERROR_VERSION;
	if (header->features_required & ~RECORD_FEATURES)
		return RECORD_ERROR_FEATURES;
	if (header->size_bytes != size || size > RECORD_MAX_BYTES)
		return RECORD_ERROR_SIZE;
	if (crc32_around(bytes, size, offsetof(struct record_header, crc32)) != header->crc32)
		return RECORD_ERROR_CHECKSUM;
	return 0;
}

static enum record_error check_values(const struct record_header *header)
{
	if (header->restorer < RECORD_RESTORER_CRIU || header->restorer > RECORD_RESTORER_TAPE)
		return RECORD_ERROR_VALUE;
	if (header->mode < RECORD_MODE_READ || header->mode > RECORD_MODE_NONE)
		return RECORD_ERROR_VALUE;
	if ((header->restorer == RECORD_RESTORER_TAPE) != (header->mode == RECORD_MODE_NONE))
		return RECORD_ERROR_VALUE;
	if (header->fallback < RECORD_FALLBACK_COLD || header->fallback > RECORD_FALLBACK_FAIL)
		return RECORD_ERROR_VALUE;
	if (header->flags & ~(RECORD_FLAG_BOUND_AT_START | RECORD_FLAG_PRIVATE_VARIANT | RECORD_FLAG_GROUPS_KNOWN | RECORD_FLAG_AGENT))
		return RECORD_ERROR_VALUE;
	if (header->groups.count && !(header->flags & RECORD_FLAG_GROUPS_KNOWN))
		return RECORD_ERROR_VALUE;
	if (header->frozen_environment.count && !(header->flags & RECORD_FLAG_AGENT))
		return RECORD_ERROR_VALUE;
	if (header->store_bytes % 4096 || (!header->store_bytes && !all_zero(header->store_sha256, sizeof(header->store_sha256))))
		return RECORD_ERROR_VALUE;
	if (!header->kernel.size && header->kernel_capabilities)
		return RECORD_ERROR_VALUE;
	if (header->resume_signal > (header->restorer == RECORD_RESTORER_TAPE ? 0 : 64) ||
	    (!header->resume_signal && header->resume_value))
		return RECORD_ERROR_VALUE;
	if (header->deadline_ms == 0 || !is_pid(header->pid) || header->argv.count == 0 || header->cpu_words.count > CPU_WORDS)
		return RECORD_ERROR_VALUE;
	return 0;
}

/* Tables follow each other, each padded with zeros to 8 bytes, and the strings end the record. */
static enum record_error check_tables(const struct record *record)
{
	const struct record_header *header = record->header;
	static const struct {
		u16 at; /* of the table in the header */
		u16 row_bytes;
	} tables[] = {
#define TABLE(member, bytes) {offsetof(struct record_header, member), (bytes)},
		RECORD_TABLES(TABLE)
#undef TABLE
	};
	u64 expected = sizeof(*header);

	for (usize i = 0; i < ARRAY_COUNT(tables); i++) {
		const struct record_table *table = (const void *)(record->bytes + tables[i].at);
		u64 end = table->offset + (u64)tables[i].row_bytes * table->count;

		if (table->offset != expected)
			return RECORD_ERROR_TABLE;
		expected = (end + 7) & ~7ull;
		if (expected > record->size || !all_zero(record->bytes + end, expected - end))
			return RECORD_ERROR_TABLE;
	}
	if (header->strings.offset != expected || expected + header->strings.count != record->size)
		return RECORD_ERROR_TABLE;
	return 0;
}

static bool string_is_good(const struct record *record, struct record_string string)
{
	u64 end = (u64)string.offset + string.size;

	if (string.offset < record->header->strings.offset || end >= record->size)
		return false;
	for (u64 at = string.offset; at < end; at++)
		if (!record->bytes[at])
			return false;
	return !record->bytes[end];
}

static bool name_is_good(const struct record *record, struct record_string string)
{
	const char *text;

	if (!string_is_good(record, string))
		return false;
	for (text = record_text(record, string); *text; text++)
		if (*text == '=')
			return false;
	return string.size > 0;
}

static bool path_is_good(const struct record *record, struct record_string string, bool absolute)
{
	return string_is_good(record, string) && string.size <= RECORD_PATH_MAX && path_is_clean(record_text(record, string), absolute);
}

static bool directory_is_good(const struct record *record, struct record_string string)
{
	if (string_is_good(record, string) && text_equal(record_text(record, string), "/"))
		return true;
	return path_is_good(record, string, true);
}

static bool glob_is_good(const struct record *record, struct record_string string)
{
	return string_is_good(record, string) && string.size > 0;
}

/* Of rows that begin with a string. */
static bool all_good(const struct record *record, struct record_table table, u32 row_bytes,
		     bool (*is_good)(const struct record *record, struct record_string string))
{
	const u8 *row = record_rows(record, table);

	for (u32 i = 0; i < table.count; i++, row += row_bytes)
		if (!is_good(record, *(const struct record_string *)(const void *)row))
			return false;
	return true;
}

static enum record_error check_names(const struct record *record)
{
	const struct record_header *header = record->header;
	const u32 string = sizeof(struct record_string);

	if (string_is_good(record, header->kernel) && string_is_good(record, header->cpu_vendor) && directory_is_good(record, header->cwd) &&
	    all_good(record, header->argv, string, string_is_good) &&
	    all_good(record, header->environment, sizeof(struct record_variable), name_is_good) &&
	    all_good(record, header->secret_names, string, name_is_good) &&
	    all_good(record, header->ignored_environment, string, glob_is_good) &&
	    all_good(record, header->frozen_environment, string, name_is_good))
		return 0;
	return RECORD_ERROR_STRING;
}

static enum record_error check_carried(const struct record *record, const struct record_carried *row)
{
	if (row->type < RECORD_CARRIED_DIRECTORY || row->type > RECORD_CARRIED_SYMLINK)
		return RECORD_ERROR_VALUE;
	if (row->refresh > 1 || !all_zero(row->reserved, sizeof(row->reserved)))
		return RECORD_ERROR_VALUE;
	if (row->mode > 07777 || (row->refresh && row->type != RECORD_CARRIED_FILE))
		return RECORD_ERROR_VALUE;
	if ((row->target.size == 0) == (row->type == RECORD_CARRIED_SYMLINK))
		return RECORD_ERROR_VALUE;
	if (!path_is_good(record, row->path, true) || !string_is_good(record, row->target))
		return RECORD_ERROR_STRING;
	return 0;
}

static enum record_error check_rows(const struct record *record)
{
	const struct record_header *header = record->header;
	const u32 *tids = record_rows(record, header->tids);
	const struct record_file *files = record_rows(record, header->files);
	const struct record_carried *carried = record_rows(record, header->carried);
	const struct record_checkpoint_file *checkpoint = record_rows(record, header->checkpoint_files);
	const struct record_prefetch *prefetch = record_rows(record, header->prefetch);

	for (u32 i = 0; i < header->tids.count; i++)
		if (!is_pid(tids[i]))
			return RECORD_ERROR_VALUE;
	for (u32 i = 0; i < header->files.count; i++) {
		if (files[i].use < RECORD_USE_APPEND || files[i].use > RECORD_USE_OTHER)
			return RECORD_ERROR_VALUE;
		if (files[i].carried > 1 || !all_zero(files[i].reserved, sizeof(files[i].reserved)))
			return RECORD_ERROR_VALUE;
		if (!path_is_good(record, files[i].path, true))
			return RECORD_ERROR_STRING;
	}
	for (u32 i = 0; i < header->carried.count; i++) {
		enum record_error error = check_carried(record, &carried[i]);

		if (error)
			return error;
	}
	for (u32 i = 0; i < header->checkpoint_files.count; i++)
		if (!path_is_good(record, checkpoint[i].name, false))
			return RECORD_ERROR_STRING;
	for (u32 i = 0; i < header->prefetch.count; i++)
		if (!path_is_good(record, prefetch[i].path, true))
			return RECORD_ERROR_STRING;
	return 0;
}

enum record_error record_open(const void *bytes, usize size, struct record *record)
{
	enum record_error error = check_header(bytes, size);

	record->bytes = bytes;
	record->size = size;
	record->header = bytes;
	if (!error)
		error = check_values(record->header);
	if (!error)
		error = check_tables(record);
	if (!error)
		error = check_names(record);
	if (!error)
		error = check_rows(record);
	return error;
}
