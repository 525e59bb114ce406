/* @app inside the namespaces: the inner init, and what the application does before it becomes itself. */
#include "app.h"
#include "capabilities.h"
#include "clock.h"
#include "mem.h"

static void say(const struct app *app, const char *stage, int error)
{
	struct app_message message = {error, {0}};

	memcpy(message.stage, stage, text_length(stage));
	sys_write(app->start[1], &message, sizeof(message));
}

static _Noreturn void give_up(const struct app *app, const char *stage, int error)
{
	say(app, stage, error);
	sys_exit_group(1);
}

/* In its own mount namespace, which only the application shares: a new PID namespace needs a new /proc. */
static int mount_proc(void)
{
	int error = sys_unshare(CLONE_NEWNS);

	if (!error)
		error = sys_mount("none", "/", NULL, MS_REC | MS_PRIVATE);
	if (!error)
		error = sys_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	return error;
}

/* PIDs are given out in order: those before the wanted one are used up. */
static int burn_pids(pid before)
{
	pid last = 1;

	while (last < before - 1) {
		int status;

		last = sys_fork();
		if (last == 0)
			sys_exit_group(0);
		if (last < 0)
			return last;
		sys_wait4(last, &status, 0);
	}
	return last == before - 1 ? 0 : -EEXIST;
}

static int drop_capabilities(u64 mask)
{
	struct capabilities sets;
	int error = capabilities_get(&sets);

	sets.effective &= ~mask;
	sets.permitted &= ~mask;
	sets.inheritable &= ~mask;
	/* What is neither permitted nor inheritable any more leaves the ambient set by itself (capabilities(7)). */
	return error ? error : capabilities_set(&sets);
}

static _Noreturn void become_application(struct app *app)
{
	const struct init *init = app->init;
	const char *stage = "streams";
	int error = sys_setsid();

	error = error < 0 ? error : 0;
	for (int fd = 0; fd < APP_STREAMS && error >= 0; fd++)
		error = sys_dup3(app->streams[fd][fd > 0], fd, 0);
	if (error >= 0) {
		stage = "capabilities";
		error = capabilities_drop_bounding(app->dropped_capabilities);
	}
	if (!error) {
		stage = "user";
		error = identity_take(&app->identity);
	}
	if (!error) {
		stage = "capabilities";
		error = drop_capabilities(app->dropped_capabilities);
	}
	if (!error) {
		stage = "cwd";
		error = sys_chdir(app->cwd);
	}
	if (error)
		give_up(app, stage, error);
	close_on_exec_from(APP_STREAMS);
	sys_umask(022);
	say(app, "exec", 0);
	signals_restore(0);
	give_up(app, "exec", exec_command(init->argv, init->envp));
}

/* Only the application and the helper may hold the application's ends, or nobody would see them close. */
static void close_channels(struct app *app)
{
	for (int fd = 0; fd < APP_STREAMS; fd++) {
		sys_close(app->streams[fd][0]);
		sys_close(app->streams[fd][1]);
	}
	sys_close(app->start[0]);
	sys_close(app->start[1]);
	sys_close(app->end[0]);
}

/*
 * A process that entered from outside, such as CRIU while it writes the last of a dump, would die with this one: it is waited
 * for. Such processes are nobody's children here, so they are only seen as what a signal could reach.
 */
#define GUESTS_NS (60 * NS_PER_SECOND)
#define GUESTS_ROUND_NS (5 * NS_PER_MS)

static void wait_for_guests(void)
{
	const u64 until = clock_ns(CLOCK_MONOTONIC) + GUESTS_NS;
	const timespec round = timespec_of(GUESTS_ROUND_NS);

	while (sys_kill(-1, 0) == 0 && clock_ns(CLOCK_MONOTONIC) < until) {
		int status;

		sys_clock_nanosleep(CLOCK_MONOTONIC, &round);
		while (sys_wait4(-1, &status, WNOHANG) > 0)
			;
	}
}

/* Signals stay blocked: to this process they mean nothing, and SIGKILL ends the namespace. */
static _Noreturn void attend(struct app *app, pid child)
{
	for (;;) {
		int status = 0;
		pid ended = sys_wait4(-1, &status, 0);

		if (ended == child) {
			sys_write(app->end[1], &status, sizeof(status));
			sys_close(app->end[1]);
			kill_descendants();
			wait_for_guests();
			sys_exit_group(0);
		}
		if (ended < 0 && ended != -EINTR)
			sys_exit_group(1);
	}
}

_Noreturn void inner_init(struct app *app)
{
	const char *stage = "mounts";
	pid child = 0;
	int error;

	if (!lifeline_hold(&app->line))
		sys_exit_group(1);
	error = mount_proc();
	if (!error) {
		stage = "pid";
		error = burn_pids(app->wanted_pid);
	}
	if (!error) {
		stage = "fork";
		child = sys_fork();
		if (child == 0)
			become_application(app);
		if (child < 0)
			error = child;
		else if (child != app->wanted_pid)
			error = -EEXIST;
	}
	if (error)
		give_up(app, stage, error);
	close_channels(app);
	attend(app, child);
}
