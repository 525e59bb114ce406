#include "clock.h"
#include "compare.h"
#include "text.h"
#include "restore.h"

const struct restorer *restorer_of(const struct record *record)
{
	static const struct restorer *const restorers[] = {
		[RECORD_RESTORER_CRIU] = &restorer_criu,
		[RECORD_RESTORER_TAPE] = &restorer_tape,
	};

	return record->header->restorer < ARRAY_COUNT(restorers) ? restorers[record->header->restorer] : NULL;
}

const char *mode_name(const struct record *record)
{
	u32 mode = record->header->mode;

	return mode == RECORD_MODE_NONE ? NULL : name_at("read\0mmap\0lazy\0", mode - 1);
}

bool restore_prepare(struct restore *restore, struct cold *cold)
{
	const struct record *record = &restore->init->record;

	return compare_surroundings(record, cold) && carry_make(record, &restore->carry, cold);
}

bool wait_until(pid child, u64 deadline_ns, int *status)
{
	const signal_set child_signal = SIGNAL_BIT(SIGCHLD);

	for (;;) {
		struct signal_info info;
		u64 now = clock_ns(CLOCK_MONOTONIC);
		timespec left = timespec_of(deadline_ns > now ? deadline_ns - now : 0);

		if (sys_wait4(child, status, WNOHANG) == child)
			return true;
		if (now >= deadline_ns)
			return false;
		sys_rt_sigtimedwait(&child_signal, &info, &left);
	}
}
