/*
 * The environment policy: a restored process has the variables of the build, so a variable that is different now has to be known
 * as harmless, or the start is cold.
 */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include "record.h"
#include "text.h"

enum environment_verdict {
	ENVIRONMENT_SAME,
	ENVIRONMENT_JVM_OPTIONS, /* names: the first such variable */
	ENVIRONMENT_DIFFERENT, /* names: of all that differ, as far as they fit */
};

enum environment_verdict environment_compare(const struct record *record, char *const *envp, struct text *names);

#endif
