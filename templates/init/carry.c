#include "carry.h"
#include "files.h"
#include "mem.h"
#include "paths.h"

/* A file gets its name only when it is whole. Containers that share a volume may be at it at the same time: each has its own. */
#define UNFINISHED ".crac-build.carry."
#define UNFINISHED_ROOM (sizeof(UNFINISHED) + 16)

static void name_unfinished(char room[UNFINISHED_ROOM])
{
	struct text name = text_over(room, UNFINISHED_ROOM);
	u64 random = 0;

	/* Does not fail for so few bytes once the kernel has its seed (getrandom(2)); else it is as good as one fixed name. */
	sys_getrandom(&random, sizeof(random));
	text_add(&name, UNFINISHED);
	text_add_hex(&name, random);
}

static const struct record_carried *carried_rows(const struct record *record)
{
	return record_rows(record, record->header->carried);
}

static int set_owner(int directory, const char *name, const struct record_carried *row, int flags)
{
	struct statx stat;
	int error = sys_statx(directory, name, flags, STATX_UID | STATX_GID, &stat);

	/* Without the right to change owners it is enough that they are as wanted. */
	if (!error && (stat.stx_uid != row->uid || stat.stx_gid != row->gid))
		error = sys_fchownat(directory, name, row->uid, row->gid, flags);
	return error;
}

static int set_time(int directory, const char *name, const struct record_carried *row, int flags)
{
	const timespec times[2] = {{row->mtime_seconds, 0}, {row->mtime_seconds, 0}};

	return sys_utimensat(directory, name, times, flags);
}

static int copy_content(int to, u32 content)
{
	char room[sizeof(CARRY) + 10];
	struct text path = text_over(room, sizeof(room));
	long copied;
	int from;

	text_add(&path, CARRY);
	text_add_number(&path, content);
	from = sys_openat(AT_FDCWD, room, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (from < 0)
		return from;
	do
		copied = sys_sendfile(to, from, 1 << 20);
	while (copied > 0 || copied == -EINTR);
	sys_close(from);
	return (int)copied;
}

static int make_file(int directory, const char *name, const struct record_carried *row)
{
	char unfinished[UNFINISHED_ROOM];
	int fd;
	int error;

	name_unfinished(unfinished);
	fd = sys_openat(directory, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fd;
	error = copy_content(fd, row->content);
	if (!error)
		error = set_owner(fd, "", row, AT_EMPTY_PATH);
	if (!error)
		error = sys_fchmod(fd, row->mode);
	sys_close(fd);
	if (!error)
		error = set_time(directory, unfinished, row, AT_SYMLINK_NOFOLLOW);
	if (!error)
		error = sys_renameat2(directory, unfinished, directory, name, RENAME_NOREPLACE);
	if (error)
		sys_unlinkat(directory, unfinished, 0);
	return error;
}

static int make_directory(int directory, const char *name, const struct record_carried *row)
{
	int error = sys_mkdirat(directory, name, 0700);

	if (error)
		return error;
	error = set_owner(directory, name, row, AT_SYMLINK_NOFOLLOW);
	if (!error)
		error = sys_fchmodat(directory, name, row->mode);
	if (error)
		sys_unlinkat(directory, name, AT_REMOVEDIR);
	return error;
}

static int make_symlink(int directory, const char *name, const struct record_carried *row, const char *target)
{
	int error = sys_symlinkat(target, directory, name);

	if (error)
		return error;
	error = set_owner(directory, name, row, AT_SYMLINK_NOFOLLOW);
	if (!error)
		error = set_time(directory, name, row, AT_SYMLINK_NOFOLLOW);
	if (error)
		sys_unlinkat(directory, name, 0);
	return error;
}

/* 0 where it was made, with its inode number; 1 where it was there; else a negative error. */
static int make_row(const struct record *record, const struct record_carried *row, u64 *inode)
{
	const char *name;
	struct statx stat;
	int directory = open_parent(record_text(record, row->path), true, &name);
	int error;

	if (directory < 0)
		return directory;
	error = sys_statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stat);
	if (!error && row->refresh)
		error = sys_unlinkat(directory, name, 0);
	else if (!error)
		error = 1;
	else if (error == -ENOENT)
		error = 0;
	if (!error && row->type == RECORD_CARRIED_DIRECTORY)
		error = make_directory(directory, name, row);
	else if (!error && row->type == RECORD_CARRIED_FILE)
		error = make_file(directory, name, row);
	else if (!error)
		error = make_symlink(directory, name, row, record_text(record, row->target));
	if (!error && !sys_statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_INO, &stat))
		*inode = stat.stx_ino;
	sys_close(directory);
	return error == -EEXIST ? 1 : error;
}

/*
 * Whether the restore can go on without this row, by the variant that does without the JVM's perf data: it is perf data, or a
 * directory that holds nothing else.
 */
static bool can_be_private(const struct record *record, u32 index)
{
	const struct record_carried *rows = carried_rows(record);
	const char *path = record_text(record, rows[index].path);
	bool holds_perf_data = false;

	if (!(record->header->flags & RECORD_FLAG_PRIVATE_VARIANT))
		return false;
	if (rows[index].refresh)
		return true;
	for (u32 i = 0; i < record->header->carried.count && rows[index].type == RECORD_CARRIED_DIRECTORY; i++) {
		const char *other = record_text(record, rows[i].path);

		if (!text_begins(other, path) || other[rows[index].path.size] != '/')
			continue;
		if (!rows[i].refresh)
			return false;
		holds_perf_data = true;
	}
	return holds_perf_data;
}

/* The time of a directory is set last, since what is made in it changes it. */
static void set_directory_times(const struct carry *carry)
{
	const struct record_carried *rows = carried_rows(carry->record);

	for (u32 i = carry->record->header->carried.count; i-- > 0;) {
		const char *name;
		int directory;

		if (!carry->made[i] || rows[i].type != RECORD_CARRIED_DIRECTORY)
			continue;
		directory = open_parent(record_text(carry->record, rows[i].path), false, &name);
		if (directory < 0)
			continue;
		set_time(directory, name, &rows[i], AT_SYMLINK_NOFOLLOW);
		sys_close(directory);
	}
}

bool carry_make(const struct record *record, struct carry *carry, struct cold *cold)
{
	const struct record_carried *rows = carried_rows(record);
	u32 count = record->header->carried.count;
	long made = sys_mmap(((usize)count + 1) * sizeof(*carry->made), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	carry->record = record;
	carry->use_private = false;
	carry->made = NULL;
	if (made < 0 && made > -4096)
		return cold_because(cold, COLD_CARRY, "no memory");
	carry->made = (u64 *)made;
	for (u32 i = 0; i < count; i++) {
		int error = make_row(record, &rows[i], &carry->made[i]);

		if (error < 0 && can_be_private(record, i)) {
			carry->use_private = true;
		} else if (error < 0) {
			cold_because(cold, COLD_CARRY, "");
			text_add_printable(&cold->reason, record_text(record, rows[i].path), rows[i].path.size);
			text_add(&cold->reason, " cannot be made: ");
			text_add_errno(&cold->reason, error);
			return false;
		}
	}
	set_directory_times(carry);
	return true;
}

void carry_keep(struct carry *carry)
{
	if (carry->made)
		sys_munmap(carry->made, ((usize)carry->record->header->carried.count + 1) * sizeof(*carry->made));
	carry->made = NULL;
}

void carry_undo(struct carry *carry)
{
	const struct record_carried *rows = carried_rows(carry->record);

	if (!carry->made)
		return;
	for (u32 i = carry->record->header->carried.count; i-- > 0;) {
		const char *name;
		struct statx stat;
		int directory;

		if (!carry->made[i])
			continue;
		directory = open_parent(record_text(carry->record, rows[i].path), false, &name);
		if (directory < 0)
			continue;
		/* On a volume it may be another container's by now. */
		if (!sys_statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_INO, &stat) && stat.stx_ino == carry->made[i])
			sys_unlinkat(directory, name, rows[i].type == RECORD_CARRIED_DIRECTORY ? AT_REMOVEDIR : 0);
		sys_close(directory);
		carry->made[i] = 0;
	}
}
