#include "files.h"
#include "mem.h"
#include "text.h"

long read_file(const char *path, char *to, usize room)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	usize size = 0;
	long got = 0;

	to[0] = 0;
	if (fd < 0)
		return fd;
	while (size < room - 1) {
		got = sys_read(fd, to + size, room - 1 - size);
		if (got == -EINTR)
			continue;
		if (got <= 0)
			break;
		size += (usize)got;
	}
	sys_close(fd);
	to[size] = 0;
	return got < 0 ? got : (long)size;
}

int map_file(const char *path, usize maximum, struct mapping *mapping)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	struct statx stat;
	long at;
	int error;

	if (fd < 0)
		return fd;
	error = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &stat);
	if (!error && (!S_ISREG(stat.stx_mode) || stat.stx_size == 0))
		error = -EINVAL;
	if (!error && stat.stx_size > maximum)
		error = -EFBIG;
	if (error) {
		sys_close(fd);
		return error;
	}
	at = sys_mmap(stat.stx_size, PROT_READ, MAP_PRIVATE, fd);
	sys_close(fd);
	if (at < 0 && at > -4096)
		return (int)at;
	mapping->bytes = (const u8 *)at;
	mapping->size = stat.stx_size;
	return 0;
}

void unmap_file(const struct mapping *mapping)
{
	sys_munmap(mapping->bytes, mapping->size);
}

static int enter_directory(int from, const char *name, bool make)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = sys_openat(from, name, flags, 0);

	if (fd == -ENOENT && make) {
		int error = sys_mkdirat(from, name, 0755);

		if (error && error != -EEXIST)
			return error;
		fd = sys_openat(from, name, flags, 0);
	}
	return fd;
}

int open_parent(const char *path, bool make, const char **name)
{
	char part[256];
	int fd = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	for (;;) {
		usize length = 0;
		int next;

		path++;
		while (path[length] && path[length] != '/')
			length++;
		*name = path;
		if (fd < 0 || !path[length])
			return fd;
		if (length >= sizeof(part)) {
			sys_close(fd);
			return -ENAMETOOLONG;
		}
		memcpy(part, path, length);
		part[length] = 0;
		next = enter_directory(fd, part, make);
		sys_close(fd);
		fd = next;
		path += length;
	}
}

void remove_flat_directory(const char *path)
{
	char buffer[2048] __attribute__((aligned(8)));
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	long size;

	if (fd < 0)
		return;
	while ((size = sys_getdents64(fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size;) {
			const struct directory_entry *entry = (const void *)(buffer + at);

			sys_unlinkat(fd, entry->name, 0);
			at += entry->size;
		}
	}
	sys_close(fd);
	sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

u32 pid_of_name(const char *name)
{
	u64 number;

	return parse_number(name, UINT32_MAX, &number) ? (u32)number : 0;
}
