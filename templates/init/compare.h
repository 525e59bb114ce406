/* What has to be as it was, or compatible, for old memory to go on here. */
#ifndef COMPARE_H
#define COMPARE_H

#include "cold.h"
#include "init.h"
#include "limits.h"

/* All comparisons change nothing; false at the first that fails. The process itself, which takes no time. */
bool compare_process(const struct init *init, struct cold *cold);
/* Files and limits, for which others have to be asked. */
bool compare_surroundings(const struct record *record, struct cold *cold);

/* Parts of it. */
bool compare_memory(const struct record *record, const struct limits *limits, struct cold *cold);
/* A line for what may not fit. */
void tell_limits(const struct record *record, const struct limits *limits);
bool compare_cpu(const struct record *record, struct cold *cold);
bool compare_files(const struct record *record, struct cold *cold);
bool compare_store(const struct record *record, struct cold *cold);
bool compare_checkpoint_files(const struct record *record, struct cold *cold);

#endif
