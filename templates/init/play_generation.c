/* What differs from start to start and reaches the application before any of its threads runs. */
#include "clock.h"
#include "mem.h"
#include "play.h"

static s64 jump(int clock, u64 dumped_ns)
{
	return dumped_ns ? (s64)(clock_ns(clock) - dumped_ns) : 0;
}

void play_write_generation(void *page)
{
	struct tape_generation *generation = page;

	const struct tape_header *header = play.tape.header;

	generation->version = TAPE_GENERATION_VERSION;
	generation->monotonic_jump_ns = jump(CLOCK_MONOTONIC, header->dumped_monotonic_ns);
	generation->realtime_jump_ns = jump(CLOCK_REALTIME, header->dumped_realtime_ns);
	/* From now on the kernel has what it takes: this blocks at the first boot of a machine only (getrandom(2)). */
	for (usize done = 0; done < sizeof(generation->entropy);) {
		long got = sys_getrandom(generation->entropy + done, sizeof(generation->entropy) - done);

		if (got <= 0)
			break;
		done += (usize)got;
	}
	generation->generation++;
}
