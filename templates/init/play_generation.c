/* What differs from start to start and reaches the application before any of its threads runs. */
#include "clock.h"
#include "mem.h"
#include "play.h"

void play_write_generation(void *page)
{
	struct tape_generation *generation = page;

	generation->version = TAPE_GENERATION_VERSION;
	/* From now on the kernel has what it takes: this blocks at the first boot of a machine only (getrandom(2)). */
	for (usize done = 0; done < sizeof(generation->entropy);) {
		long got = sys_getrandom(generation->entropy + done, sizeof(generation->entropy) - done);

		if (got <= 0)
			break;
		done += (usize)got;
	}
	generation->generation++;
}
