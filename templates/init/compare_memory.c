/* Memory and processors: what cannot fit starts cold, what may not fit is told. */
#include "compare.h"
#include "log.h"

static void warn(u64 here, const char *between, u64 made, const char *end)
{
	char room[COLD_LINE_ROOM];
	struct text line = text_over(room, sizeof(room));

	text_add(&line, "crac-build: warning: ");
	text_add_number(&line, here);
	text_add(&line, between);
	text_add_number(&line, made);
	text_add(&line, end);
	log_line(2, &line);
}

void tell_limits(const struct record *record, const struct limits *limits)
{
	const struct record_header *header = record->header;

	if (limits->memory < header->most_memory_bytes)
		warn(limits->memory >> 20, " MiB is the memory limit, the application may come to ", header->most_memory_bytes >> 20, " MiB");
	/* Up to twice as many threads as processors do no harm that is seen. */
	if (limits->processors * 2 < header->processors)
		warn(limits->processors, " processors here, the JVM has threads for ", header->processors, "");
}

bool compare_memory(const struct record *record, const struct limits *limits, struct cold *cold)
{
	u64 needed = record->header->memory_bytes;

	if (limits->memory >= needed)
		return true;
	cold_because(cold, COLD_MEMORY, "the memory limit is ");
	text_add_number(&cold->reason, limits->memory >> 20);
	text_add(&cold->reason, " MiB, the restore needs ");
	text_add_number(&cold->reason, (needed + 0xfffff) >> 20);
	text_add(&cold->reason, " MiB");
	return false;
}
