/* The page store: its size and its header. The digest in the header was checked when the image was verified; reading it all takes long. */
#include "compare.h"
#include "mem.h"
#include "paths.h"

static bool wrong(struct cold *cold, const char *how)
{
	cold_because(cold, COLD_CHECKPOINT_FILE, STORE);
	text_add(&cold->reason, how);
	return false;
}

static bool compare_header(int fd, const struct record_header *record, struct cold *cold)
{
	struct store_header header;
	long got = sys_read(fd, &header, sizeof(header));

	if (got != (long)sizeof(header))
		return wrong(cold, " cannot be read");
	if (header.magic != STORE_MAGIC || header.version != STORE_VERSION || header.page_bytes != STORE_HEADER_BYTES)
		return wrong(cold, " has a damaged header");
	if (header.size_bytes != record->store_bytes || memcmp(header.sha256, record->store_sha256, sizeof(header.sha256)) != 0)
		return wrong(cold, " is that of another checkpoint");
	return true;
}

bool compare_store(const struct record *record, struct cold *cold)
{
	u64 recorded = record->header->store_bytes;
	struct statx stat;
	bool same;
	int error;
	int fd;

	if (!recorded)
		return true;
	/* O_NONBLOCK: a pipe would be waited for. */
	fd = sys_openat(AT_FDCWD, STORE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	error = fd < 0 ? fd : sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &stat);
	if (error) {
		wrong(cold, ": ");
		text_add_errno(&cold->reason, error);
		same = false;
	} else if (!S_ISREG(stat.stx_mode)) {
		same = wrong(cold, " is no file");
	} else if (stat.stx_size != recorded) {
		wrong(cold, " has ");
		text_add_number(&cold->reason, stat.stx_size);
		text_add(&cold->reason, " bytes, not ");
		text_add_number(&cold->reason, recorded);
		same = false;
	} else {
		same = compare_header(fd, record->header, cold);
	}
	if (fd >= 0)
		sys_close(fd);
	return same;
}
