/* What differs from start to start and reaches the application before any of its threads runs: the generation page. */
#ifndef GENERATION_H
#define GENERATION_H

#include "tape.gen.h"

/* Fills in what was zero at the dump. The clocks at the dump: 0 where no jump is to be told. */
void generation_write(struct tape_generation *page, u64 dumped_monotonic_ns, u64 dumped_realtime_ns);

#endif
