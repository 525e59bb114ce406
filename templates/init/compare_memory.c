/*
 * The memory limit of the control group, as HotSpot finds it: the smallest of the process's group and its parents. Inside a
 * container the path of /proc/self/cgroup may be the host's, of which only the last part is mounted: then it is not found, and
 * the root of the mount, which is the container's own group, decides.
 */
#include "compare.h"
#include "files.h"
#include "mem.h"

#define V2_ROOT "/sys/fs/cgroup"
#define V1_ROOT "/sys/fs/cgroup/memory"
#define NO_LIMIT UINT64_MAX

static u64 read_limit(const char *path)
{
	char number[32];
	u64 limit;
	long size = read_file(path, number, sizeof(number));

	if (size > 0 && number[size - 1] == '\n')
		number[size - 1] = 0;
	/* "max" in v2; in v1 no limit is a huge number, which is as good. */
	return parse_number(number, NO_LIMIT, &limit) ? limit : NO_LIMIT;
}

static u64 smallest_limit(const char *root, const char *group, usize group_size, const char *file)
{
	u64 smallest = NO_LIMIT;
	char room[PATH_ROOM];

	for (;;) {
		struct text path = text_over(room, sizeof(room));
		u64 limit;

		while (group_size && group[group_size - 1] == '/')
			group_size--;
		text_add(&path, root);
		text_add_bytes(&path, group, group_size);
		text_add(&path, file);
		limit = path.cut ? NO_LIMIT : read_limit(room);
		if (limit < smallest)
			smallest = limit;
		if (!group_size)
			return smallest;
		while (group_size && group[group_size - 1] != '/')
			group_size--;
	}
}

/* Whether "memory" is one of the controllers between two colons of a line of /proc/self/cgroup. */
static bool names_memory(const char *controllers, usize size)
{
	for (usize at = 0; at + 6 <= size; at++)
		if (memcmp(controllers + at, "memory", 6) == 0 && (at == 0 || controllers[at - 1] == ',') &&
		    (at + 6 == size || controllers[at + 6] == ','))
			return true;
	return false;
}

static usize length_to(const char *at, char end)
{
	usize length = 0;

	while (at[length] && at[length] != end && at[length] != '\n')
		length++;
	return length;
}

static u64 memory_limit(void)
{
	char lines[4096];
	u64 smallest = NO_LIMIT;

	read_file("/proc/self/cgroup", lines, sizeof(lines));
	for (const char *at = lines; *at;) {
		usize number = length_to(at, ':');
		const char *controllers = at + number + (at[number] == ':');
		usize size = length_to(controllers, ':');
		const char *group = controllers + size + (controllers[size] == ':');
		usize group_size = length_to(group, '\n');
		u64 limit = NO_LIMIT;

		if (size == 0)
			limit = smallest_limit(V2_ROOT, group, group_size, "/memory.max");
		else if (names_memory(controllers, size))
			limit = smallest_limit(V1_ROOT, group, group_size, "/memory.limit_in_bytes");
		if (limit < smallest)
			smallest = limit;
		at = group + group_size;
		if (*at)
			at++;
	}
	return smallest;
}

bool compare_memory(const struct record *record, struct cold *cold)
{
	u64 needed = record->header->memory_bytes;
	u64 limit = memory_limit();

	if (limit >= needed)
		return true;
	cold_because(cold, COLD_MEMORY, "the memory limit is ");
	text_add_number(&cold->reason, limit >> 20);
	text_add(&cold->reason, " MiB, the restore needs ");
	text_add_number(&cold->reason, (needed + 0xfffff) >> 20);
	text_add(&cold->reason, " MiB");
	return false;
}
