#include "mem.h"
#include "program.h"
#include "runtime.h"
#include "verbs.h"

int run_program(struct init *init)
{
	const char *first = init->argv[0];

	if (!first)
		return usage("no command", NULL);
	if (first[0] != '@')
		return run_time(init);
	init->argv++;
	/* For who measures: the memory of a container's processes can be read by one of its own only. */
	return text_equal(first, "@memory") ? verb_memory(init) : usage("unknown verb", first);
}
