#include "mem.h"
#include "program.h"
#include "verbs.h"

static const struct {
	const char *name;
	int (*run)(struct init *init);
} verbs[] = {
	{"@build", verb_build}, {"@app", verb_app}, {"@enter", verb_enter}, {"@cpu", verb_cpu},
	{"@clock", verb_clock}, {"@memory", verb_memory}, {"@trace", verb_trace}, {"@probe", verb_probe},
	{"@train", verb_train}, {"@uncache", verb_uncache}, {"@cached", verb_cached},
	{"@evict", verb_evict}, {"@clock-shim", verb_clock_shim}, {"@look", verb_look},
};

int run_program(struct init *init)
{
	const char *first = init->argv[0];

	if (!first)
		return usage("no verb", NULL);
	init->argv++;
	for (usize i = 0; i < ARRAY_COUNT(verbs); i++)
		if (text_equal(first, verbs[i].name))
			return verbs[i].run(init);
	return usage("unknown verb", first);
}
