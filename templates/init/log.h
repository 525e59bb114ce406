/* Lines on the standard error. */
#ifndef LOG_H
#define LOG_H

#include "text.h"

#define LINE_ROOM 512

/* "crac-init: WHAT: SUBJECT: ERROR"; subject may be NULL, error 0. */
void log_problem(const char *what, const char *subject, int error);

/* The text and a newline, in one write. */
void log_line(int fd, struct text *line);

/* Writes all of it, however often the call is cut short; 0 or a negative error. */
int write_all(int fd, const char *bytes, usize size);

#endif
