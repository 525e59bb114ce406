/*
 * Prints the listing of every record in a file of (u32 size, bytes)*, or the name of what is wrong with it, as listing.ts does.
 * Bytes of strings that are not printable ASCII, and the backslash, are printed as \xHH.
 */
#include "records.h"
#include "../../../../../templates/init/text.h"

static void print_string(const struct record *record, struct record_string string)
{
	const char *text = record_text(record, string);

	putchar('"');
	for (u32 i = 0; i < string.size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c >= 0x7f || c == '\\')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_strings(const char *name, const struct record *record, struct record_table table)
{
	const struct record_string *rows = record_rows(record, table);

	for (u32 i = 0; i < table.count; i++) {
		printf("%s ", name);
		print_string(record, rows[i]);
		putchar('\n');
	}
}

static void print_numbers(const char *name, const struct record *record, struct record_table table)
{
	const u32 *rows = record_rows(record, table);

	for (u32 i = 0; i < table.count; i++)
		printf("%s %u\n", name, rows[i]);
}

static void list(const struct record *record)
{
	const struct record_header *h = record->header;
	const struct record_variable *variables = record_rows(record, h->environment);
	const u64 *words = record_rows(record, h->cpu_words);
	const struct record_file *files = record_rows(record, h->files);
	const struct record_carried *carried = record_rows(record, h->carried);
	const struct record_checkpoint_file *checkpoint = record_rows(record, h->checkpoint_files);
	const struct record_prefetch *prefetch = record_rows(record, h->prefetch);

	printf("restorer %u mode %u fallback %u flags %u deadlineMs %u\n", h->restorer, h->mode, h->fallback, h->flags, h->deadline_ms);
	printf("uid %u gid %u pid %u pipes %u %u %u\n", h->uid, h->gid, h->pid, h->stream_pipe_ids[0], h->stream_pipe_ids[1],
	       h->stream_pipe_ids[2]);
	printf("xcr0 %lu monotonicNs %lu boottimeNs %lu memoryBytes %lu %lu processors %lu capabilities %lu\n", h->xcr0, h->monotonic_ns,
	       h->boottime_ns, h->memory_bytes, h->most_memory_bytes, h->processors, h->effective_capabilities);
	printf("store %lu ", h->store_bytes);
	for (usize i = 0; i < sizeof(h->store_sha256); i++)
		printf("%02x", h->store_sha256[i]);
	printf("\nkernel ");
	print_string(record, h->kernel);
	printf(" %lu\n", h->kernel_capabilities);
	printf("resumeSignal %u %u\n", h->resume_signal, h->resume_value);
	printf("cpuVendor ");
	print_string(record, h->cpu_vendor);
	printf("\ncwd ");
	print_string(record, h->cwd);
	putchar('\n');
	print_strings("argv", record, h->argv);
	for (u32 i = 0; i < h->environment.count; i++) {
		printf("environment ");
		print_string(record, variables[i].name);
		printf(" %lu\n", variables[i].value_hash);
	}
	print_strings("secret", record, h->secret_names);
	print_strings("ignored", record, h->ignored_environment);
	if (h->flags & RECORD_FLAG_AGENT)
		printf("page %lu %lu\n", h->page_monotonic_ns, h->page_realtime_ns);
	print_strings("frozen", record, h->frozen_environment);
	for (u32 i = 0; i < h->cpu_words.count; i++)
		printf("cpuWord %lu\n", words[i]);
	print_numbers("tid", record, h->tids);
	print_numbers("group", record, h->groups);
	for (u32 i = 0; i < h->files.count; i++) {
		printf("file ");
		print_string(record, files[i].path);
		printf(" %u %lu %ld %u\n", files[i].use, files[i].size_bytes, files[i].mtime_seconds, files[i].carried);
	}
	for (u32 i = 0; i < h->carried.count; i++) {
		printf("carried ");
		print_string(record, carried[i].path);
		printf(" %u %o %u:%u %ld %u %u ", carried[i].type, carried[i].mode, carried[i].uid, carried[i].gid, carried[i].mtime_seconds,
		       carried[i].content, carried[i].refresh);
		print_string(record, carried[i].target);
		putchar('\n');
	}
	for (u32 i = 0; i < h->checkpoint_files.count; i++) {
		printf("checkpoint ");
		print_string(record, checkpoint[i].name);
		printf(" %lu\n", checkpoint[i].size_bytes);
	}
	for (u32 i = 0; i < h->prefetch.count; i++) {
		printf("prefetch ");
		print_string(record, prefetch[i].path);
		printf(" %lu %lu\n", prefetch[i].offset, prefetch[i].size_bytes);
	}
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	u32 size;

	if (!file)
		return 2;
	for (unsigned number = 0; fread(&size, sizeof(size), 1, file) == 1; number++) {
		void *bytes = read_exactly(file, size);
		struct record record;
		enum record_error error = record_open(bytes, size, &record);

		printf("# %u\n", number);
		if (error)
			printf("error %s\n", name_at(RECORD_ERROR_NAMES, error - 1));
		else
			list(&record);
		free(bytes);
	}
	fclose(file);
	return 0;
}
