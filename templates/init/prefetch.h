/*
 * Reads ahead, beside everything else, what the start is known to need: from a cold page cache in large pieces instead of page by page
 * as it is touched.
 */
#ifndef PREFETCH_H
#define PREFETCH_H

#include "init.h"

/* A child does it, in its own time; gives its number, or 0 where there is none. CRAC_BUILD_PREFETCH=off: nothing is done. */
pid prefetch_start(const struct init *init);

#endif
