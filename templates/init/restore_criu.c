/* The restorer "criu". */
#include "capabilities.h"
#include "clock.h"
#include "criu_lazy.h"
#include "criu_run.h"
#include "log.h"
#include "paths.h"
#include "process.h"
#include "restore.h"

/* A helper that is not there by then will not come. */
#define LAZY_START_NS (2 * NS_PER_SECOND)
/* It begins to bring what nobody asks for some seconds after the start (criu/uffd.c), and has as long as a whole restore has for it. */
#define LAZY_BEFORE_MS 60000u

static bool check(const struct init *init, struct cold *cold)
{
	const u64 sufficient = CAPABILITY_BIT(CAPABILITY_SYS_ADMIN) | CAPABILITY_BIT(CAPABILITY_CHECKPOINT_RESTORE);
	struct capabilities own;
	u64 missing;

	capabilities_get(&own);
	missing = init->record.header->effective_capabilities & ~own.permitted;
	if (!(own.permitted & sufficient))
		missing |= CAPABILITY_BIT(CAPABILITY_SYS_ADMIN);
	if (!missing)
		return true;
	cold_because(cold, COLD_RIGHTS, "the criu restorer needs ");
	text_add_capability_flags(&cold->reason, missing);
	if (sys_geteuid() == 0)
		return false;
	if (sys_prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		text_add(&cold->reason, " and a container without no-new-privileges, as it does not run as root");
	else if (sys_prctl(PR_CAPBSET_READ, CAPABILITY_SYS_ADMIN, 0, 0, 0) == 1)
		text_add(&cold->reason, ", which reaches a user other than root through the file capabilities of /.crac-build/init only");
	return false;
}

/* CRIU's exit status is not enough: the application has to be there, as a child that can be waited for. */
static bool came_back(const struct record *record)
{
	return sys_waitid(P_PID, (pid)record->header->pid, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* The process that brings memory, or 0: memory is then read at once, which always works, and one line says why. */
static pid start_lazy(const struct criu_run *run)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));
	pid daemon = 0;

	text_add(&line, "crac-build: memory is read, not brought lazily: ");
	if (lazy_is_possible(&line))
		daemon = lazy_start(run, clock_ns(CLOCK_MONOTONIC) + LAZY_START_NS, &line);
	if (!daemon)
		log_line(2, &line);
	return daemon;
}

static bool run(struct restore *restore, struct restored *restored, struct cold *cold)
{
	const struct record *record = &restore->init->record;
	u64 deadline_ns = clock_ns(CLOCK_MONOTONIC) + restore->deadline_ms * NS_PER_MS;
	struct criu_run run = {.init = restore->init};
	pid daemon = 0;
	bool done = false;
	int status = 0;
	pid criu;

	if (!restore_prepare(restore, cold))
		return false;
	run.images = restore->carry.use_private ? CRIU_IMAGES_PRIVATE : CRIU_IMAGES;
	if (!criu_begin(&run, cold))
		return false;
	if (record->header->mode == RECORD_MODE_LAZY)
		daemon = start_lazy(&run);
	criu = criu_start(&run, daemon ? CRIU_RESTORE_LAZY : CRIU_RESTORE);
	if (criu < 0) {
		cold_because(cold, COLD_RESTORE, "no process for CRIU: ");
		text_add_errno(&cold->reason, criu);
	} else if (!wait_until(criu, deadline_ns, &status)) {
		cold_because(cold, COLD_DEADLINE, "the restore took longer than ");
		text_add_number(&cold->reason, restore->deadline_ms);
		text_add(&cold->reason, " ms");
	} else if (status != 0 || !came_back(record)) {
		criu_explain(&run, status, cold);
	} else {
		done = true;
		signal_queue((pid)record->header->pid, record->header->resume_signal, record->header->resume_value);
	}
	if (done && daemon) {
		lazy_hold(daemon);
		restored->companion = (struct companion){daemon, LAZY_BEFORE_MS + restore->deadline_ms, lazy_release};
	}
	if (!done)
		kill_descendants();
	criu_end(&run);
	return done;
}

const struct restorer restorer_criu = {"criu", check, run};
