#include "compare.h"
#include "files.h"
#include "mem.h"
#include "paths.h"

static bool changed(struct cold *cold, enum cold_code code, const char *path, const char *how)
{
	cold_because(cold, code, "");
	text_add_printable(&cold->reason, path, text_length(path));
	text_add(&cold->reason, how);
	return false;
}

static bool changed_size(struct cold *cold, enum cold_code code, const char *path, u64 now, u64 recorded)
{
	changed(cold, code, path, " has ");
	text_add_number(&cold->reason, now);
	text_add(&cold->reason, " bytes, not ");
	text_add_number(&cold->reason, recorded);
	return false;
}

bool compare_checkpoint_files(const struct record *record, struct cold *cold)
{
	const struct record_checkpoint_file *rows = record_rows(record, record->header->checkpoint_files);
	int directory = sys_openat(AT_FDCWD, CHECKPOINT, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	bool same = true;

	for (u32 i = 0; i < record->header->checkpoint_files.count && same; i++) {
		const char *name = record_text(record, rows[i].name);
		struct statx stat;
		int error = sys_statx(directory, name, 0, STATX_TYPE | STATX_SIZE, &stat);

		if (error) {
			same = changed(cold, COLD_CHECKPOINT_FILE, name, ": ");
			text_add_errno(&cold->reason, error);
		} else if (!S_ISREG(stat.stx_mode)) {
			same = changed(cold, COLD_CHECKPOINT_FILE, name, " is no file");
		} else if (stat.stx_size != rows[i].size_bytes) {
			same = changed_size(cold, COLD_CHECKPOINT_FILE, name, stat.stx_size, rows[i].size_bytes);
		}
	}
	if (directory >= 0)
		sys_close(directory);
	return same;
}

static const struct record_carried *find_carried(const struct record *record, const char *path)
{
	const struct record_carried *rows = record_rows(record, record->header->carried);

	for (u32 i = 0; i < record->header->carried.count; i++)
		if (text_equal(record_text(record, rows[i].path), path))
			return &rows[i];
	return NULL;
}

static bool compare_file(const struct record *record, const struct record_file *file, struct cold *cold)
{
	const char *path = record_text(record, file->path);
	const struct record_carried *carried = file->carried ? find_carried(record, path) : NULL;
	struct statx stat;
	int error;

	/* Made anew in any case. */
	if (carried && carried->refresh)
		return true;
	error = sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE | STATX_MTIME, &stat);
	/* Made from the checkpoint later on. */
	if ((error == -ENOENT || error == -ENOTDIR) && carried)
		return true;
	if (error == -ENOENT || error == -ENOTDIR)
		return changed(cold, COLD_FILE_CHANGED, path, " is missing");
	if (error) {
		changed(cold, COLD_FILE_CHANGED, path, ": ");
		text_add_errno(&cold->reason, error);
		return false;
	}
	if (file->use == RECORD_USE_APPEND) {
		if (stat.stx_size >= file->size_bytes)
			return true;
		return changed_size(cold, COLD_FILE_CHANGED, path, stat.stx_size, file->size_bytes);
	}
	if (stat.stx_size != file->size_bytes)
		return changed_size(cold, COLD_FILE_CHANGED, path, stat.stx_size, file->size_bytes);
	if (stat.stx_mtime.tv_sec != file->mtime_seconds)
		return changed(cold, COLD_FILE_CHANGED, path, " was written after the checkpoint");
	return true;
}

bool compare_files(const struct record *record, struct cold *cold)
{
	const struct record_file *files = record_rows(record, record->header->files);

	for (u32 i = 0; i < record->header->files.count; i++)
		if (!compare_file(record, &files[i], cold))
			return false;
	return true;
}
