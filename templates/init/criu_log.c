#include "criu_log.h"
#include "mem.h"

/* What CRIU 4.2 says in the processes above the one that failed. */
#define CONSEQUENCES                                                                                                        \
	"Restoring FAILED\0Unable to open fd=\0exited with \0exited, status=\0killed by signal\0- Can't open vma\0Can't open vma\0Can't restore file map\0" \
	"Unable to kill\0Error while restoring\0Can't open core data\0`- \0"

static bool contains(const char *line, usize size, const char *what)
{
	usize length = text_length(what);

	for (usize at = 0; at + length <= size; at++)
		if (memcmp(line + at, what, length) == 0)
			return true;
	return false;
}

static bool is_consequence(const char *line, usize size)
{
	for (const char *known = CONSEQUENCES; *known; known += text_length(known) + 1)
		if (contains(line, size, known))
			return true;
	return false;
}

/* "(00.012345)     40: Error (criu/files-reg.c:2247): message": where the message begins, or the size if this is no error. */
static usize message_at(const char *line, usize size)
{
	for (usize at = 0; at + 6 < size; at++) {
		if (memcmp(line + at, "Error", 5) != 0 || (line[at + 5] != ' ' && line[at + 5] != ':'))
			continue;
		for (; at + 2 < size; at++)
			if (line[at] == ':' && line[at + 1] == ' ')
				return at + 2;
	}
	return size;
}

/* The line before `end`; its start. */
static usize line_start(const char *log, usize end)
{
	while (end > 0 && log[end - 1] != '\n')
		end--;
	return end;
}

bool text_add_criu_reason(struct text *text, const char *log, usize size)
{
	while (size > 0) {
		usize end = size - (log[size - 1] == '\n');
		usize start = line_start(log, end);
		usize message = message_at(log + start, end - start);

		if (message < end - start && !is_consequence(log + start, end - start)) {
			text_add_printable(text, log + start + message, end - start - message);
			return true;
		}
		size = start;
	}
	return false;
}

bool text_add_last_line(struct text *text, const char *log, usize size)
{
	while (size > 0) {
		usize end = size - (log[size - 1] == '\n');
		usize start = line_start(log, end);

		if (end > start) {
			text_add_printable(text, log + start, end - start);
			return true;
		}
		size = start;
	}
	return false;
}
