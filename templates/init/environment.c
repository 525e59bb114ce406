#include "environment.h"
#include "glob.h"
#include "mem.h"

/* What the JVM (JAVA_TOOL_OPTIONS, _JAVA_OPTIONS), its launcher (JDK_JAVA_OPTIONS) and start scripts (JAVA_OPTIONS, JAVA_OPTS) read. */
#define JVM_OPTION_NAMES "JAVA_TOOL_OPTIONS\0JDK_JAVA_OPTIONS\0_JAVA_OPTIONS\0JAVA_OPTIONS\0JAVA_OPTS\0"

struct comparison {
	const struct record *record;
	bool delivers; /* what differs reaches the application */
	enum environment_verdict verdict;
	struct text *names;
};

static bool name_is(const char *name, usize size, const char *other)
{
	return text_length(other) == size && memcmp(name, other, size) == 0;
}

static bool has_value(const char *glob)
{
	while (*glob && *glob != '=')
		glob++;
	return *glob == '=';
}

/*
 * `entry` is NAME=VALUE with a name of `size` bytes, or the name alone. A glob with '=' is held against all of it: what an orchestrator
 * sets is told from a setting of the user's by its value (TODO_PORT=tcp://10.0.0.1:80, SERVER_PORT=9090).
 */
static bool is_ignored(const struct record *record, const char *entry, usize size)
{
	const char *name = entry;
	const struct record_string *globs = record_rows(record, record->header->ignored_environment);

	/* Those are for crac-init itself. */
	if (glob_match("CRAC_BUILD_*", name, size))
		return true;
	for (u32 i = 0; i < record->header->ignored_environment.count; i++)
		if (glob_match(record_text(record, globs[i]), name, has_value(record_text(record, globs[i])) ? text_length(entry) : size))
			return true;
	return false;
}

static bool is_listed(const struct record *record, struct record_table table, const char *name, usize size)
{
	const struct record_string *names = record_rows(record, table);

	for (u32 i = 0; i < table.count; i++)
		if (name_is(name, size, record_text(record, names[i])))
			return true;
	return false;
}

static bool is_secret(const struct record *record, const char *name, usize size)
{
	return is_listed(record, record->header->secret_names, name, size);
}

static const struct record_variable *find_recorded(const struct record *record, const char *name, usize size)
{
	const struct record_variable *variables = record_rows(record, record->header->environment);

	for (u32 i = 0; i < record->header->environment.count; i++)
		if (variables[i].name.size == size && memcmp(record_text(record, variables[i].name), name, size) == 0)
			return &variables[i];
	return NULL;
}

static void note_difference(struct comparison *comparison, const char *name, usize size)
{
	bool options = false;

	if (comparison->verdict == ENVIRONMENT_JVM_OPTIONS)
		return;
	for (const char *known = JVM_OPTION_NAMES; *known; known += text_length(known) + 1)
		options = options || name_is(name, size, known);
	if (options) {
		text_clear(comparison->names);
		comparison->verdict = ENVIRONMENT_JVM_OPTIONS;
	} else if (comparison->delivers && !is_listed(comparison->record, comparison->record->header->frozen_environment, name, size)) {
		return;
	} else {
		if (comparison->verdict == ENVIRONMENT_DIFFERENT)
			text_add(comparison->names, " ");
		comparison->verdict = ENVIRONMENT_DIFFERENT;
	}
	text_add_printable(comparison->names, name, size);
}

static usize name_size(const char *entry)
{
	usize size = 0;

	while (entry[size] && entry[size] != '=')
		size++;
	return size;
}

static bool is_set(char *const *envp, const char *name, usize size)
{
	for (; *envp; envp++)
		if (name_size(*envp) == size && memcmp(*envp, name, size) == 0)
			return true;
	return false;
}

u32 environment_block(char *const *envp, struct tape_generation *page)
{
	u32 used = 0;

	for (; *envp; envp++) {
		usize size = text_length(*envp) + 1;

		if (size > sizeof(page->environment) - used)
			return 0;
		if (page)
			memcpy(page->environment + used, *envp, size);
		used += (u32)size;
	}
	return used;
}

/* An application restored by the tape reads them of crac-init itself, which one with other capabilities may not (ptrace(2)). */
static bool can_deliver(const struct record_header *header, char *const *envp)
{
	return (header->flags & RECORD_FLAG_AGENT) && (header->restorer == RECORD_RESTORER_TAPE || environment_block(envp, NULL) != 0);
}

enum environment_verdict environment_compare(const struct record *record, char *const *envp, struct text *names)
{
	const struct record_variable *variables = record_rows(record, record->header->environment);
	struct comparison comparison = {record, can_deliver(record->header, envp), ENVIRONMENT_SAME, names};

	for (char *const *entry = envp; *entry; entry++) {
		usize size = name_size(*entry);
		const char *value = *entry + size + ((*entry)[size] == '=');
		const struct record_variable *recorded;

		if (is_ignored(record, *entry, size))
			continue;
		recorded = find_recorded(record, *entry, size);
		if (!recorded || recorded->value_hash != hash_bytes(value, text_length(value)) || is_secret(record, *entry, size))
			note_difference(&comparison, *entry, size);
	}
	for (u32 i = 0; i < record->header->environment.count; i++) {
		const char *name = record_text(record, variables[i].name);
		usize size = variables[i].name.size;

		if (!is_ignored(record, name, size) && !is_secret(record, name, size) && !is_set(envp, name, size))
			note_difference(&comparison, name, size);
	}
	return comparison.verdict;
}
