#include "clock.h"
#include "log.h"
#include "mem.h"
#include "process.h"
#include "program.h"
#include "verbs.h"

_Noreturn void start_c(long *stack);

int usage(const char *problem, const char *which)
{
	log_problem(problem, which, 0);
	return EXIT_USAGE;
}

bool verb_options(const struct init *init, struct option *options, usize count, char ***command)
{
	char room[LINE_ROOM];
	struct text error = text_over(room, sizeof(room));
	char **rest;
	bool good = options_parse(options, count, init->argv, &rest, &error);

	if (good && command && (!rest || !*rest)) {
		text_add(&error, "no command after --");
		good = false;
	} else if (good && !command && rest) {
		text_add(&error, "no command is taken here");
		good = false;
	}
	if (!good)
		log_problem(error.at, NULL, 0);
	if (command)
		*command = rest;
	return good;
}

static bool is_set(char *const *envp, const char *name)
{
	const char *value = environment_value(envp, name);

	return value && text_equal(value, "1");
}

/* The stack holds argc, argv, NULL, envp, NULL. */
_Noreturn void start_c(long *stack)
{
	struct init init = {0};
	char **argv = (char **)(stack + 1);

	init.start_ns = clock_ns(CLOCK_BOOTTIME);
	signals_block(&init.original_mask);
	init.argv = stack[0] > 0 ? argv + 1 : argv;
	init.envp = argv + stack[0] + 1;
	init.trace = is_set(init.envp, "CRAC_BUILD_TRACE");
	init.debug = is_set(init.envp, "CRAC_BUILD_DEBUG");
	sys_exit_group(run_program(&init));
}
