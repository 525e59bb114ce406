/* Reading small files, mapping files, and reaching a file without following a symlink. */
#ifndef FILES_H
#define FILES_H

#include "sys.h"

#define PATH_ROOM 4096

/* The first bytes of a file and a NUL; how many were read, or a negative error. */
long read_file(const char *path, char *to, usize room);

struct mapping {
	const u8 *bytes;
	usize size;
};

/* A regular file of at most `maximum` bytes, read-only. 0 or a negative error. */
int map_file(const char *path, usize maximum, struct mapping *mapping);
void unmap_file(const struct mapping *mapping);

/*
 * Opens the directory in which the last part of an absolute path lies, part by part, none of which may be a symlink: in a
 * directory that all can write, another process may put one there. Missing directories are made, where `make` says so. The
 * descriptor or a negative error; `name` becomes the last part.
 */
int open_parent(const char *path, bool make, const char **name);

/* Removes a directory and the files in it. */
void remove_flat_directory(const char *path);

/* A number that is a whole text, such as the name of a process in /proc; 0 if it is none. */
u32 pid_of_name(const char *name);

struct directory_entry {
	u64 inode;
	s64 offset;
	u16 size;
	u8 type;
	char name[];
};

#endif
