#include "clock.h"
#include "generation.h"
#include "sys.h"

static s64 jump(int clock, u64 dumped_ns)
{
	return dumped_ns ? (s64)(clock_ns(clock) - dumped_ns) : 0;
}

void generation_write(struct tape_generation *page, u64 dumped_monotonic_ns, u64 dumped_realtime_ns)
{
	page->version = TAPE_GENERATION_VERSION;
	page->monotonic_jump_ns = jump(CLOCK_MONOTONIC, dumped_monotonic_ns);
	page->realtime_jump_ns = jump(CLOCK_REALTIME, dumped_realtime_ns);
	/* From now on the kernel has what it takes: this blocks at the first boot of a machine only (getrandom(2)). */
	for (usize done = 0; done < sizeof(page->entropy);) {
		long got = sys_getrandom(page->entropy + done, sizeof(page->entropy) - done);

		if (got <= 0)
			break;
		done += (usize)got;
	}
	page->generation++;
}
