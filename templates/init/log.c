#include "log.h"
#include "mem.h"
#include "sys.h"

int write_all(int fd, const char *bytes, usize size)
{
	while (size) {
		long written = sys_write(fd, bytes, size);

		if (written == -EINTR)
			continue;
		if (written == -EAGAIN) {
			struct pollfd ready = {fd, POLLOUT, 0};

			sys_ppoll(&ready, 1, NULL);
			continue;
		}
		if (written <= 0)
			return written ? (int)written : -EIO;
		bytes += written;
		size -= (usize)written;
	}
	return 0;
}

void log_line(int fd, struct text *line)
{
	/* The NUL makes room for the newline. */
	line->at[line->size] = '\n';
	write_all(fd, line->at, line->size + 1);
	line->at[line->size] = 0;
}

void log_problem(const char *what, const char *subject, int error)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));

	text_add(&line, "crac-init: ");
	text_add(&line, what);
	if (subject) {
		text_add(&line, ": ");
		text_add_printable(&line, subject, text_length(subject));
	}
	if (error) {
		text_add(&line, ": ");
		text_add_errno(&line, error);
	}
	log_line(2, &line);
}
