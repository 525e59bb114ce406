#include "prefetch.h"
#include "mem.h"
#include "process.h"

/* Pieces that are asked for at once: the first ones are there before the last ones are asked for. */
#define PIECE (4ull << 20)

#define LEAST_PRIORITY 19

static void advise(int fd, u64 offset, u64 size)
{
	while (size) {
		u64 piece = size < PIECE ? size : PIECE;

		/* Only what the page cache lacks is read (mm/readahead.c: force_page_cache_ra). */
		if (sys_fadvise64(fd, (s64)offset, (s64)piece, POSIX_FADV_WILLNEED))
			return;
		offset += piece;
		size -= piece;
	}
}

static void read_ahead(int fd, u64 file_size, const struct record_prefetch *row)
{
	u64 size = row->size_bytes;

	if (row->offset >= file_size)
		return;
	if (!size || size > file_size - row->offset)
		size = file_size - row->offset;
	advise(fd, row->offset, size);
}

static _Noreturn void run(const struct record *record)
{
	const struct record_prefetch *rows = record_rows(record, record->header->prefetch);
	struct record_string open_path = {0};
	u64 file_size = 0;
	int fd = -1;

	/* From a cold page cache it waits for the disk. From a warm one it has nothing to bring, and must not take the time of who restores. */
	sys_call(__NR_setpriority, 0, 0, LEAST_PRIORITY, 0, 0, 0);

	/* Rows of one file follow each other; its path is in the record once. */
	for (u32 i = 0; i < record->header->prefetch.count; i++) {
		struct statx stat;

		if (fd < 0 || rows[i].path.offset != open_path.offset) {
			if (fd >= 0)
				sys_close(fd);
			open_path = rows[i].path;
			fd = sys_openat(AT_FDCWD, record_text(record, open_path), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
			if (fd < 0)
				continue;
			file_size = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &stat) || !S_ISREG(stat.stx_mode) ? 0 : stat.stx_size;
		}
		read_ahead(fd, file_size, &rows[i]);
	}
	sys_exit_group(0);
}

pid prefetch_start(const struct init *init)
{
	const char *wanted = environment_value(init->envp, "CRAC_BUILD_PREFETCH");
	pid child;

	if (!init->record.header->prefetch.count || (wanted && text_equal(wanted, "off")))
		return 0;
	child = sys_fork();
	if (child == 0)
		run(&init->record);
	return child > 0 ? child : 0;
}
