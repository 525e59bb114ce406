/* @build and @trace: a command beside which nothing else happens. */
#include "clock.h"
#include "log.h"
#include "process.h"
#include "runtime.h"
#include "verbs.h"

int verb_build(struct init *init)
{
	pid child;

	if (!verb_options(init, NULL, 0, &init->argv))
		return EXIT_USAGE;
	sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	child = start_command(init);
	if (child < 0) {
		log_problem("no process for the command", NULL, child);
		return 126;
	}
	return supervise(child);
}

int verb_trace(struct init *init)
{
	int error;

	if (!verb_options(init, NULL, 0, &init->argv))
		return EXIT_USAGE;
	trace_tell(init, 0, NULL, NULL, NULL);
	sys_rt_sigprocmask(SIG_SETMASK, &init->original_mask, NULL);
	error = exec_command(init->argv, init->envp);
	log_problem("cannot run", init->argv[0], error);
	return exit_status_of_exec(error);
}
