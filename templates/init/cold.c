#include "cold.h"
#include "log.h"

void cold_clear(struct cold *cold)
{
	cold->code = 0;
	cold->reason = text_over(cold->room, sizeof(cold->room));
}

bool cold_because(struct cold *cold, enum cold_code code, const char *reason)
{
	cold_clear(cold);
	cold->code = code;
	text_add(&cold->reason, reason);
	return false;
}

const char *cold_code_name(enum cold_code code)
{
	return name_at(COLD_CODE_NAMES, code - 1);
}

void cold_tell(const struct cold *cold)
{
	char room[COLD_LINE_ROOM];
	struct text line = text_over(room, sizeof(room));

	text_add(&line, "crac-build: cold start: ");
	text_add(&line, cold_code_name(cold->code));
	text_add(&line, ": ");
	text_add_printable(&line, cold->reason.at, cold->reason.size);
	log_line(2, &line);
}
