/* Why a start is cold: a code of the table in format.gen.h and a reason for people. */
#ifndef COLD_H
#define COLD_H

#include "format.gen.h"
#include "text.h"

/* The whole line, newline included. */
#define COLD_LINE_ROOM 300

struct cold {
	enum cold_code code;
	struct text reason;
	char room[COLD_LINE_ROOM];
};

void cold_clear(struct cold *cold);

/* Sets the code and a first part of the reason; more is added to cold->reason. Always false, so that a check can return it. */
bool cold_because(struct cold *cold, enum cold_code code, const char *reason);

const char *cold_code_name(enum cold_code code);

/* "crac-build: cold start: CODE: reason" on the standard error. */
void cold_tell(const struct cold *cold);

#endif
