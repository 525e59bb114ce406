/* UNIX sockets with a path, and FIFOs. */
#include "mem.h"
#include "play.h"

#define AF_UNIX 1
#define SUN_PATH_ROOM 108

static bool is_socket(const char *path)
{
	struct statx stat;

	return !sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stat) && S_ISSOCK(stat.stx_mode);
}

/* The socket file of the process that was dumped, or of an earlier start: none listens there any more. */
static void remove_socket(const char *path)
{
	if (is_socket(path))
		sys_unlinkat(AT_FDCWD, path, 0);
}

/* No other file is opened: what comes next is written into it. With both ends here, opening waits for nobody. */
s64 play_open_fifo(const char *path)
{
	struct statx stat;
	int error = sys_statx(AT_FDCWD, path, 0, STATX_TYPE, &stat);

	if (error)
		return error;
	return S_ISFIFO(stat.stx_mode) ? sys_openat(AT_FDCWD, path, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0) : -EINVAL;
}

s64 play_bind_path(int fd, const char *path, u32 mode, const char *final_path)
{
	struct {
		u16 family;
		char path[SUN_PATH_ROOM];
	} address = {.family = AF_UNIX};
	usize length = text_length(path);
	s64 error;

	if (length >= SUN_PATH_ROOM)
		return -ENAMETOOLONG;
	memcpy(address.path, path, length);
	remove_socket(path);
	error = SYS3(bind, fd, POINTER(&address), (long)(sizeof(address.family) + length + 1));
	if (!error)
		error = sys_fchmodat(AT_FDCWD, path, mode);
	if (!error && final_path) {
		remove_socket(final_path);
		error = sys_renameat2(AT_FDCWD, path, AT_FDCWD, final_path, RENAME_NOREPLACE);
	}
	return error;
}
