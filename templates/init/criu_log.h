/* What of CRIU's log tells people why a restore failed. Pure. */
#ifndef CRIU_LOG_H
#define CRIU_LOG_H

#include "text.h"

/*
 * Adds the message of the last error line that is a cause and not a consequence, without time stamp, PID and source position.
 * False where there is none.
 */
bool text_add_criu_reason(struct text *text, const char *log, usize size);

/* Adds the last line that is not empty. False where there is none. */
bool text_add_last_line(struct text *text, const char *log, usize size);

#endif
