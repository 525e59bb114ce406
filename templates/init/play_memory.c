/* Steps about the address space and about limits. */
#include "mem.h"
#include "play.h"
#include <linux/resource.h>

#define RANGES_MAX 8

struct range {
	u64 start;
	u64 end;
};

/* Inserts, so that ranges ascend. */
static u32 keep(struct range *ranges, u32 count, u64 start, u64 size)
{
	u32 at = count;

	for (; at > 0 && ranges[at - 1].start > start; at--)
		ranges[at] = ranges[at - 1];
	ranges[at] = (struct range){start, start + size};
	return count + 1;
}

s64 play_clear(void)
{
	const struct tape_header *header = play.tape.header;
	const struct tape_area *areas = tape_rows(&play.tape, header->areas);
	struct range kept[RANGES_MAX];
	u32 count = 0;
	u64 at = 0;

	count = keep(kept, count, TAPE_INIT_START, TAPE_INIT_BYTES);
	count = keep(kept, count, header->hole, header->hole_bytes);
	count = keep(kept, count, header->vdso, header->vdso_bytes);
	for (u32 i = 0; i < header->areas.count; i++)
		count = keep(kept, count, areas[i].address, areas[i].size_bytes);
	/* The last gap ends where user space does. */
	count = keep(kept, count, TAPE_USER_SPACE_END, 0);
	for (u32 i = 0; i < count; i++) {
		int error = kept[i].start > at ? sys_munmap((const void *)(usize)at, kept[i].start - at) : 0;

		if (error)
			return error;
		at = kept[i].end;
	}
	return 0;
}

s64 play_raise_limit(u32 resource)
{
	struct rlimit64 limit;
	long error = SYS4(prlimit64, 0, (long)resource, 0, POINTER(&limit));

	if (error || limit.rlim_cur == limit.rlim_max)
		return error;
	limit.rlim_cur = limit.rlim_max;
	return SYS4(prlimit64, 0, (long)resource, POINTER(&limit), 0);
}

s64 play_populate(const struct tape_vector *ranges, u64 count)
{
	for (u64 i = 0; i < count; i++)
		SYS3(madvise, (long)ranges[i].address, (long)ranges[i].size_bytes, MADV_POPULATE_WRITE);
	return 0;
}

s64 play_core_dump_filter(const char *filter)
{
	int fd = sys_openat(AT_FDCWD, "/proc/self/coredump_filter", O_WRONLY, 0);
	long result = sys_write(fd, filter, text_length(filter));

	sys_close(fd);
	return result;
}

s64 play_memory_map(const struct tape_memory_map *map)
{
	const u64 *auxv = play_data(map->auxv.offset);
	struct prctl_mm_map all = {
		.start_code = map->start_code,
		.end_code = map->end_code,
		.start_data = map->start_data,
		.end_data = map->end_data,
		.start_brk = map->start_brk,
		.brk = map->brk,
		.start_stack = map->start_stack,
		.arg_start = map->arg_start,
		.arg_end = map->arg_end,
		.env_start = map->env_start,
		.env_end = map->env_end,
		.auxv = (__u64 *)(usize)auxv,
		.auxv_size = map->auxv.count * (u32)sizeof(u64),
		/* Another file behind /proc/PID/exe would need a right. */
		.exe_fd = (u32)-1,
	};

	return sys_prctl(PR_SET_MM, PR_SET_MM_MAP, (u64)(usize)&all, sizeof(all), 0);
}
