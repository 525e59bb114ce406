/*
 * The environment policy: a restored process has the variables of the build, so a variable that is different now has to be known
 * as harmless, or to reach the application by its agent, or the start is cold.
 */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include "record.h"
#include "tape.gen.h"
#include "text.h"

enum environment_verdict {
	ENVIRONMENT_SAME,
	ENVIRONMENT_JVM_OPTIONS, /* names: the first such variable */
	ENVIRONMENT_DIFFERENT, /* names: of all that differ, as far as they fit */
};

enum environment_verdict environment_compare(const struct record *record, char *const *envp, struct text *names);

/* The variables as the generation page has them; they are put there unless it is NULL. Their bytes; 0 where there is no room for them. */
u32 environment_block(char *const *envp, struct tape_generation *page);

#endif
