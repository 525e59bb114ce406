/*
 * @clock-shim: writes the file that a restored JVM has mapped for its clock: a page of code, a page of data; prints where in it the two
 * functions begin.
 */
#include "clock.h"
#include "clock_shim.h"
#include "log.h"
#include "mem.h"
#include "verbs.h"

#define EXIT_FAILED 1
#define PAGE 4096u

static int write_pages(const char *path, const struct clock_shim *data)
{
	static u8 pages[2 * PAGE];
	int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	int error;

	if (fd < 0)
		return fd;
	memcpy(pages, __start_clock_shim, (usize)(__stop_clock_shim - __start_clock_shim));
	memcpy(pages + PAGE, data, sizeof(*data));
	error = write_all(fd, (const char *)pages, sizeof(pages));
	sys_close(fd);
	return error;
}

int verb_clock_shim(struct init *init)
{
	enum { GETTIME, TIMEDWAIT, MONOTONIC, FILE_AT, OPTIONS };
	struct option options[OPTIONS] = {
		[GETTIME] = {"--gettime", true, NULL},
		[TIMEDWAIT] = {"--timedwait", true, NULL},
		[MONOTONIC] = {"--monotonic-ns", true, NULL},
		[FILE_AT] = {"--file", true, NULL},
	};
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));
	struct clock_shim data = {.jump = CLOCK_SHIM_UNKNOWN};
	u64 gettime;
	u64 timedwait;
	u64 monotonic_ns;
	int error;

	if (!verb_options(init, options, OPTIONS, NULL))
		return EXIT_USAGE;
	if (!parse_hex(options[GETTIME].value, &gettime) || !parse_hex(options[TIMEDWAIT].value, &timedwait))
		return usage("--gettime and --timedwait take hexadecimal addresses", NULL);
	if (!parse_number(options[MONOTONIC].value, INT64_MAX, &monotonic_ns))
		return usage("no number", options[MONOTONIC].value);
	data.gettime = (int (*)(int, timespec *))gettime;
	data.timedwait = (int (*)(void *, void *, const timespec *))timedwait;
	data.dumped = timespec_of(monotonic_ns);
	error = write_pages(options[FILE_AT].value, &data);
	if (error) {
		log_problem("cannot write", options[FILE_AT].value, error);
		return EXIT_FAILED;
	}
	text_add(&line, "{\"gettime\":");
	text_add_number(&line, (u64)clock_shim_gettime - (u64)__start_clock_shim);
	text_add(&line, ",\"timedwait\":");
	text_add_number(&line, (u64)clock_shim_timedwait - (u64)__start_clock_shim);
	text_add(&line, "}");
	log_line(1, &line);
	return 0;
}
