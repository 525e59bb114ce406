/*
 * @app: starts the application that will be checkpointed, as its checkpoint wants it: PID and time namespaces of its own, a known
 * PID, own session, three distinct pipes, default signals, nothing inherited.
 *
 *   helper (this process) ── inner init, PID 1 of the namespace ── the application, PID N of it
 *
 * The helper stays outside: it pumps the pipes, forwards signals and tells events. It watches two things: `start`, a socket on
 * which the application says that it is about to run or why it cannot, closed by the exec; and `end`, a pipe on which the
 * inner init says how the application ended.
 */
#include "app.h"
#include "capabilities.h"
#include "clock.h"
#include "files.h"
#include "log.h"
#include "mem.h"
#include "verbs.h"

static void tell(const struct app *app, struct text *line)
{
	log_line(app->status_fd, line);
}

void app_tell_failed(const struct app *app, const char *stage, int error)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));

	text_add(&line, "{\"event\":\"failed\",\"stage\":");
	text_add_json(&line, stage);
	text_add(&line, ",\"errno\":");
	text_add_number(&line, (u64)-error);
	text_add(&line, "}");
	tell(app, &line);
}

void app_tell_started(const struct app *app)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));

	text_add(&line, "{\"event\":\"started\",\"initPid\":");
	text_add_number(&line, (u64)app->init_pid);
	text_add(&line, ",\"appPid\":");
	text_add_number(&line, (u64)app->app_pid);
	text_add(&line, "}");
	tell(app, &line);
}

void app_tell_exited(const struct app *app, int status)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));
	int signal = status & 0x7f;

	text_add(&line, signal ? "{\"event\":\"exited\",\"signal\":" : "{\"event\":\"exited\",\"code\":");
	text_add_number(&line, (u64)(signal ? signal : status >> 8 & 0xff));
	text_add(&line, "}");
	tell(app, &line);
}

static void add_offset(struct text *offsets, const char *name, u64 host_seconds, u64 seconds)
{
	text_add(offsets, name);
	text_add(offsets, seconds < host_seconds ? " -" : " ");
	text_add_number(offsets, seconds < host_seconds ? host_seconds - seconds : seconds - host_seconds);
	text_add(offsets, " 0\n");
}

/*
 * Both clocks of the namespace begin at that second: at the first one, a host that restores is nearly always ahead of them. Offsets are
 * from the host's clocks (time_namespaces(7)), which are those of this process.
 */
static int set_clocks(u64 seconds)
{
	char room[128];
	struct text offsets = text_over(room, sizeof(room));
	int fd = sys_openat(AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return fd;
	add_offset(&offsets, "monotonic", clock_ns(CLOCK_MONOTONIC) / NS_PER_SECOND, seconds);
	add_offset(&offsets, "boottime", clock_ns(CLOCK_BOOTTIME) / NS_PER_SECOND, seconds);
	/* The kernel takes all of it in one write, or nothing. */
	error = (int)sys_write(fd, offsets.at, offsets.size);
	sys_close(fd);
	return error < 0 ? error : 0;
}

static int make_channels(struct app *app)
{
	const int on = 1;
	int error = 0;

	for (int i = 0; i < APP_STREAMS && !error; i++)
		error = sys_pipe2(app->streams[i], O_CLOEXEC);
	if (!error)
		error = sys_pipe2(app->end, O_CLOEXEC);
	if (!error)
		error = sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, app->start);
	/* The kernel tells who sent a message in the numbers of the receiver's PID namespace (unix(7), SCM_CREDENTIALS). */
	if (!error)
		error = sys_setsockopt(app->start[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (!error)
		error = lifeline_make(&app->line);
	return error;
}

static const char *start_inner(struct app *app, int *error)
{
	*error = sys_unshare(CLONE_NEWPID | CLONE_NEWTIME);
	if (*error)
		return "namespaces";
	*error = set_clocks(app->clock_seconds);
	if (*error)
		return "clocks";
	app->init_pid = sys_fork();
	if (app->init_pid == 0)
		inner_init(app);
	*error = app->init_pid < 0 ? app->init_pid : 0;
	return *error ? "fork" : NULL;
}

int verb_app(struct init *init)
{
	enum { PID, UID, GID, GROUPS, CWD, DROP, STATUS, CLOCK, OPTIONS };
	struct option options[OPTIONS] = {
		[PID] = {"--pid", true, NULL},	 [UID] = {"--uid", true, NULL},		[GID] = {"--gid", true, NULL},
		[GROUPS] = {"--groups", true, NULL}, [CWD] = {"--cwd", true, NULL},	[DROP] = {"--drop-caps", true, NULL},
		[STATUS] = {"--status-fd", true, NULL}, [CLOCK] = {"--clock-seconds", false, NULL},
	};
	struct app app = {0};
	const char *stage = "channels";
	u64 number;
	int error;

	if (!verb_options(init, options, OPTIONS, &init->argv))
		return EXIT_USAGE;
	if (!parse_number(options[PID].value, 32767, &number) || number < 2)
		return usage("no process ID between 2 and 32767", options[PID].value);
	app.wanted_pid = (pid)number;
	if (!identity_parse(options[UID].value, options[GID].value, options[GROUPS].value, &app.identity))
		return usage("--uid, --gid and --groups take numbers", NULL);
	if (!parse_hex(options[DROP].value, &app.dropped_capabilities))
		return usage("no hexadecimal mask", options[DROP].value);
	if (!parse_number(options[STATUS].value, 1023, &number) || sys_fcntl((int)number, F_SETFD, 1) < 0)
		return usage("no open descriptor", options[STATUS].value);
	app.status_fd = (int)number;
	if (options[CLOCK].value && !parse_number(options[CLOCK].value, UINT32_MAX, &app.clock_seconds))
		return usage("no number of seconds", options[CLOCK].value);
	app.cwd = options[CWD].value;
	app.init = init;
	error = make_channels(&app);
	if (!error)
		stage = start_inner(&app, &error);
	if (error) {
		app_tell_failed(&app, stage, error);
		return 0;
	}
	app_attend(&app);
	return 0;
}
