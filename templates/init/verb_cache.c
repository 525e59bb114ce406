/*
 * @uncache and @cached: which parts of files are in the page cache. After a start that found nothing there, these are the parts it
 * needed.
 */
#include "log.h"
#include "verbs.h"

#define PAGE 4096ull
/* Pages of one mincore call: the vector has a byte for each. */
#define PAGES_AT_ONCE 65536ull

static int open_file(const char *path, u64 *size)
{
	struct statx stat;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	int error = fd < 0 ? fd : sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &stat);

	if (!error && !S_ISREG(stat.stx_mode))
		error = -EINVAL;
	if (error && fd >= 0)
		sys_close(fd);
	if (error)
		return error;
	*size = stat.stx_size;
	return fd;
}

/* Dirty pages stay: they are written first. Pages that a process has mapped stay as well. */
static int uncache(const char *path)
{
	u64 size;
	int fd = open_file(path, &size);
	int error;

	if (fd < 0)
		return fd;
	error = sys_fdatasync(fd);
	if (!error || error == -EROFS || error == -EINVAL)
		error = sys_fadvise64(fd, 0, 0, POSIX_FADV_DONTNEED);
	sys_close(fd);
	return error;
}

struct range {
	u64 start, end;
	bool any; /* a range was printed before */
};

static void print_range(struct text *line, struct range *range)
{
	if (range->end == range->start)
		return;
	/* A line holds some ranges; the text is written in pieces. */
	if (line->room - line->size < 64) {
		write_all(1, line->at, line->size);
		text_clear(line);
	}
	text_add(line, range->any ? ",[" : "[");
	text_add_number(line, range->start);
	text_add(line, ",");
	text_add_number(line, range->end);
	text_add(line, "]");
	range->any = true;
}

static int print_cached(const char *path)
{
	static u8 resident[PAGES_AT_ONCE];
	char room[2 * 4096];
	struct text line = text_over(room, sizeof(room));
	struct range range = {0};
	u64 size;
	int fd = open_file(path, &size);
	int error = 0;

	if (fd < 0)
		return fd;
	text_add(&line, "{\"path\":");
	text_add_json(&line, path);
	text_add(&line, ",\"cached\":[");
	for (u64 at = 0; at < size && !error; at += PAGES_AT_ONCE * PAGE) {
		u64 length = size - at < PAGES_AT_ONCE * PAGE ? size - at : PAGES_AT_ONCE * PAGE;
		long mapped = sys_mmap_at(length, PROT_READ, MAP_SHARED, fd, at);

		if (mapped < 0 && mapped > -4096) {
			error = (int)mapped;
			break;
		}
		error = sys_mincore((void *)mapped, length, resident);
		for (u64 page = 0; page * PAGE < length && !error; page++) {
			u64 offset = at + page * PAGE;

			if (!(resident[page] & 1))
				continue;
			if (range.end != offset) {
				print_range(&line, &range);
				range.start = offset;
			}
			range.end = offset + PAGE;
		}
		sys_munmap((void *)mapped, length);
	}
	print_range(&line, &range);
	sys_close(fd);
	text_add(&line, "]}\n");
	write_all(1, line.at, line.size);
	return error;
}

/* A file that cannot be looked at is told on the standard error and left aside. */
static int each_file(struct init *init, int (*work)(const char *path))
{
	if (!verb_options(init, NULL, 0, &init->argv))
		return EXIT_USAGE;
	for (char **path = init->argv; *path; path++) {
		int error = work(*path);

		if (error < 0)
			log_problem("left aside", *path, error);
	}
	return 0;
}

int verb_uncache(struct init *init)
{
	return each_file(init, uncache);
}

/* One line for each file that can be read: {"path":PATH,"cached":[[START,END],...]} in bytes. */
int verb_cached(struct init *init)
{
	return each_file(init, print_cached);
}
