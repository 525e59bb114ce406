/*
 * Limits as HotSpot finds them: the smallest of the process's groups and their parents. Inside a container the path of
 * /proc/self/cgroup may be the host's, of which only the last part is mounted: then it is not found, and the root of the mount, which
 * is the container's own group, decides. Version 2 has a line without controllers; version 1 has lines with some, each of which has
 * a mount of that name.
 */
#include "limits.h"
#include "files.h"
#include "text.h"

static usize length_to(const char *at, char end)
{
	usize length = 0;

	while (at[length] && at[length] != end && at[length] != '\n')
		length++;
	return length;
}

/* The two numbers of a file of a group. What is none, such as "max" and -1, is no limit. */
static void read_numbers(struct text *group, const char *file, u64 *numbers)
{
	char line[64];
	char *at = line;
	usize size = group->size;

	text_add(group, file);
	read_file(group->at, line, sizeof(line));
	group->size = size;
	for (int i = 0; i < 2; i++) {
		usize length = length_to(at, ' ');
		bool more = at[length] == ' ';

		at[length] = 0;
		if (!parse_number(at, NO_LIMIT, &numbers[i]))
			numbers[i] = NO_LIMIT;
		at += length + more;
	}
}

static void add_group(struct limits *limits, struct text *group, bool version_1)
{
	u64 memory[2];
	u64 quota[2]; /* and the period it is for */
	u64 period[2];

	read_numbers(group, version_1 ? "/memory.limit_in_bytes" : "/memory.max", memory);
	read_numbers(group, version_1 ? "/cpu.cfs_quota_us" : "/cpu.max", quota);
	if (version_1) {
		read_numbers(group, "/cpu.cfs_period_us", period);
		quota[1] = period[0];
	}
	if (memory[0] < limits->memory)
		limits->memory = memory[0];
	if (quota[0] == NO_LIMIT || quota[1] == NO_LIMIT || !quota[1])
		return;
	quota[0] = quota[0] / quota[1] + (quota[0] % quota[1] > 0);
	if (quota[0] < limits->processors)
		limits->processors = quota[0];
}

static u64 allowed_processors(void)
{
	u64 mask[128] = {0};
	u64 count = 0;

	sys_sched_getaffinity(0, sizeof(mask), mask);
	for (usize i = 0; i < ARRAY_COUNT(mask); i++)
		for (u64 word = mask[i]; word; word &= word - 1)
			count++;
	return count;
}

void limits_read(struct limits *limits)
{
	char lines[4096];
	char room[PATH_ROOM];

	limits->memory = NO_LIMIT;
	limits->processors = allowed_processors();
	read_file("/proc/self/cgroup", lines, sizeof(lines));
	for (const char *at = lines; *at; at += *at == '\n') {
		usize number = length_to(at, ':');
		const char *controllers = at + number + (at[number] == ':');
		usize size = length_to(controllers, ':');
		const char *group = controllers + size + (controllers[size] == ':');
		usize group_size = length_to(group, '\n');
		bool more = !size || *controllers == 'm' || *controllers == 'c';

		at = group + group_size;
		while (more) {
			struct text path = text_over(room, sizeof(room));

			while (group_size && group[group_size - 1] == '/')
				group_size--;
			text_add(&path, "/sys/fs/cgroup/");
			text_add_bytes(&path, controllers, size);
			text_add_bytes(&path, group, group_size);
			add_group(limits, &path, size);
			more = group_size;
			while (group_size && group[group_size - 1] != '/')
				group_size--;
		}
	}
}
