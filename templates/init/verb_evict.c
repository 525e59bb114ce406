/*
 * @evict: takes the regular files of the root file system out of the page cache, and tells how much of them stayed in it. The files of
 * an image are the same for all containers of it, so after that a start of any of them reads from the disk.
 */
#include "files.h"
#include "log.h"
#include "mem.h"
#include "verbs.h"

/* d_type of readdir(3). */
#define KIND_UNKNOWN 0
#define KIND_DIRECTORY 4
#define KIND_REGULAR 8
#define DEPTH_MAX 128
#define PAGE 4096
/* Pages asked about at a time. */
#define RESIDENT_ROOM 8192

struct evict {
	u32 major; /* of the file system: others that are mounted in it are left alone */
	u32 minor;
	u64 files;
	u64 bytes;
	u64 kept;
};

/* Adds the bytes of a file that are in the page cache: those that somebody maps or writes. */
static int add_kept(int fd, u64 size, struct evict *evict)
{
	u8 resident[RESIDENT_ROOM];
	usize pages = (usize)((size + PAGE - 1) / PAGE);
	long at = sys_mmap((usize)size, PROT_READ, MAP_SHARED, fd);
	int error = 0;

	if (at < 0 && at > -PAGE)
		return (int)at;
	for (usize first = 0; first < pages && !error; first += RESIDENT_ROOM) {
		usize count = pages - first < RESIDENT_ROOM ? pages - first : RESIDENT_ROOM;

		error = sys_mincore((const u8 *)at + first * PAGE, count * PAGE, resident);
		for (usize i = 0; i < count && !error; i++)
			evict->kept += resident[i] & 1 ? PAGE : 0;
	}
	sys_munmap((const void *)at, (usize)size);
	return error;
}

static int evict_file(int directory, const char *name, struct evict *evict)
{
	/* Not for waiting: it may have become a pipe since its directory was read. */
	int fd = sys_openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	struct statx stat;
	int error;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	error = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &stat);
	if (!error && S_ISREG(stat.stx_mode) && stat.stx_size) {
		evict->files++;
		evict->bytes += stat.stx_size;
		error = sys_fadvise64(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (!error)
			error = add_kept(fd, stat.stx_size, evict);
	}
	sys_close(fd);
	return error;
}

/* A directory of the same file system: its descriptor, or -ENOENT where it is another's or gone, or what went wrong. */
static int open_directory(int parent, const char *name, const struct evict *evict)
{
	int fd = sys_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	struct statx stat;
	int error;

	if (fd < 0)
		return fd;
	/* An overlay gives its own device for directories, whatever it gives for files. */
	error = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stat);
	if (!error && (stat.stx_dev_major != evict->major || stat.stx_dev_minor != evict->minor))
		error = -ENOENT;
	if (!error)
		return fd;
	sys_close(fd);
	return error;
}

static u8 kind_of(int directory, const struct directory_entry *entry)
{
	struct statx stat;

	if (entry->type != KIND_UNKNOWN || sys_statx(directory, entry->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stat))
		return entry->type;
	return S_ISDIR(stat.stx_mode) ? KIND_DIRECTORY : S_ISREG(stat.stx_mode) ? KIND_REGULAR : KIND_UNKNOWN;
}

static bool is_above(const char *name)
{
	return text_equal(name, ".") || text_equal(name, "..");
}

/*
 * Looks at entries until one is a directory to go into: its descriptor. 0: they are all done. The offset of the directory is then
 * behind what was looked at.
 */
static int next_directory(int directory, struct evict *evict, struct text *name)
{
	char buffer[2048] __attribute__((aligned(8)));
	long size;

	while ((size = sys_getdents64(directory, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size;) {
			const struct directory_entry *entry = (const void *)(buffer + at);
			u8 kind = is_above(entry->name) ? KIND_UNKNOWN : kind_of(directory, entry);
			int result = 0;

			text_clear(name);
			text_add_printable(name, entry->name, text_length(entry->name));
			if (kind == KIND_REGULAR)
				result = evict_file(directory, entry->name, evict);
			else if (kind == KIND_DIRECTORY)
				result = open_directory(directory, entry->name, evict);
			if (result > 0) {
				long moved = sys_lseek(directory, entry->offset);

				return moved < 0 ? (int)moved : result;
			}
			if (result < 0 && result != -ENOENT)
				return result;
			at += entry->size;
		}
	}
	return (int)size;
}

/* Descriptor 0 is taken by the standard input, so that a directory's is more than 0. */
static int walk(int root, struct evict *evict, struct text *name)
{
	int levels[DEPTH_MAX] = {root};
	int depth = 0;

	while (depth >= 0) {
		int next = next_directory(levels[depth], evict, name);

		if (next < 0)
			return next;
		if (next == 0)
			sys_close(levels[depth--]);
		else if (depth + 1 < DEPTH_MAX)
			levels[++depth] = next;
		else
			return -ELOOP;
	}
	return 0;
}

int verb_evict(struct init *init)
{
	struct option options[] = {{"--root", false, NULL}};
	char room[LINE_ROOM];
	char name_room[256];
	struct text line = text_over(room, sizeof(room));
	struct text name = text_over(name_room, sizeof(name_room));
	struct evict evict = {0};
	struct statx stat;
	const char *root;
	int fd;
	int error;

	if (!verb_options(init, options, ARRAY_COUNT(options), NULL))
		return EXIT_USAGE;
	root = options[0].value ? options[0].value : "/";
	text_add(&name, root);
	/* It has nothing to clean up: signals may end it. */
	sys_rt_sigprocmask(SIG_SETMASK, &init->original_mask, NULL);
	fd = sys_openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	error = fd < 0 ? fd : sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stat);
	/* What has not been written cannot be evicted. An overlay passes it on to the file system below. */
	if (!error)
		error = sys_syncfs(fd);
	if (!error) {
		evict.major = stat.stx_dev_major;
		evict.minor = stat.stx_dev_minor;
		error = walk(fd, &evict, &name);
	}
	if (error) {
		log_problem("the page cache cannot be emptied", name.at, error);
		return 1;
	}
	text_add(&line, "{\"files\":");
	text_add_number(&line, evict.files);
	text_add(&line, ",\"bytes\":");
	text_add_number(&line, evict.bytes);
	text_add(&line, ",\"keptBytes\":");
	text_add_number(&line, evict.kept);
	text_add(&line, "}");
	log_line(1, &line);
	return 0;
}
