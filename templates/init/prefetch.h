/*
 * Reads ahead, beside everything else, what the start is known to need: from a cold page cache in large pieces instead of page by page
 * as it is touched.
 */
#ifndef PREFETCH_H
#define PREFETCH_H

#include "init.h"

/* A child does it, in its own time. CRAC_BUILD_PREFETCH=off: nothing is done. */
void prefetch_start(const struct init *init);

#endif
