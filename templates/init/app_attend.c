/* @app outside of the namespaces: streams, signals and events, in one poll loop that never blocks on a slow reader. */
#include <linux/poll.h>
#include "app.h"
#include "mem.h"

/* A pipe or socket that polls as writable takes this much without blocking (pipe(7), PIPE_BUF). */
#define WRITE_MAX 4096
#define PUMP_ROOM 65536

/* From one of the application's streams to one of the helper's. */
struct pump {
	int from; /* -1: at its end */
	int to;
	bool discard; /* nobody reads `to` any more */
	usize start;
	usize end;
	char bytes[PUMP_ROOM];
};

struct attendance {
	struct app *app;
	int signals;
	int start; /* -1: nothing more comes */
	int end; /* -1: nothing more comes */
	struct app_message message;
	bool failed;
	bool started;
	bool ended;
	int status;
	struct pump pumps[2];
};

static void pump_read(struct pump *pump)
{
	long got = sys_read(pump->from, pump->bytes, sizeof(pump->bytes));

	if (got == -EINTR || got == -EAGAIN)
		return;
	if (got <= 0) {
		sys_close(pump->from);
		pump->from = -1;
		return;
	}
	pump->start = 0;
	pump->end = pump->discard ? 0 : (usize)got;
}

static void pump_write(struct pump *pump)
{
	usize size = pump->end - pump->start;
	long written = sys_write(pump->to, pump->bytes + pump->start, size < WRITE_MAX ? size : WRITE_MAX);

	if (written == -EINTR || written == -EAGAIN)
		return;
	/* The application must not stop because nobody wants to hear it. */
	if (written <= 0) {
		pump->discard = true;
		pump->start = pump->end;
		return;
	}
	pump->start += (usize)written;
}

static struct pollfd pump_wants(const struct pump *pump)
{
	struct pollfd wants = {-1, 0, 0};

	if (pump->start < pump->end) {
		wants.fd = pump->to;
		wants.events = POLLOUT;
	} else if (pump->from >= 0) {
		wants.fd = pump->from;
		wants.events = POLLIN;
	}
	return wants;
}

static void pump_turn(struct pump *pump)
{
	if (pump->start < pump->end)
		pump_write(pump);
	else if (pump->from >= 0)
		pump_read(pump);
}

static bool pump_is_done(const struct pump *pump)
{
	return pump->from < 0 && pump->start == pump->end;
}

/* recvmsg(2), with room for one SCM_CREDENTIALS (struct cmsghdr, struct ucred). */
struct message_header {
	void *name;
	u32 name_size;
	struct {
		void *at;
		usize size;
	} *vectors;
	usize vector_count;
	void *control;
	usize control_size;
	u32 flags;
};

struct credentials_message {
	usize size;
	int level;
	int type;
	pid sender;
	u32 uid;
	u32 gid;
	u32 padding;
};

static void read_start(struct attendance *a)
{
	struct app_message message;
	struct {
		void *at;
		usize size;
	} vector = {&message, sizeof(message)};
	struct credentials_message control = {0};
	struct message_header header = {.vectors = (void *)&vector, .vector_count = 1, .control = &control, .control_size = sizeof(control)};
	long got = sys_recvmsg(a->start, &header, 0);

	if (got == -EINTR)
		return;
	if (got == sizeof(message)) {
		if (!a->app->app_pid && message.error == 0)
			a->app->app_pid = control.sender;
		if (message.error) {
			a->message = message;
			a->message.stage[sizeof(message.stage) - 1] = 0;
			a->failed = true;
		}
		return;
	}
	/* Closed: by the exec, if nothing was said against it. */
	sys_close(a->start);
	a->start = -1;
	if (!a->failed && a->app->app_pid) {
		a->started = true;
		app_tell_started(a->app);
	}
}

static void read_end(struct attendance *a)
{
	int status;
	long got = sys_read(a->end, &status, sizeof(status));

	if (got == -EINTR)
		return;
	if (got == sizeof(status)) {
		a->ended = true;
		a->status = status;
	}
	sys_close(a->end);
	a->end = -1;
}

static void read_signal(struct attendance *a)
{
	struct signalfd_record record;

	if (sys_read(a->signals, &record, sizeof(record)) != sizeof(record))
		return;
	if (record.number != SIGCHLD && a->started && !a->ended)
		sys_kill(a->app->app_pid, (int)record.number);
}

static void close_other_ends(struct app *app)
{
	sys_close(app->streams[0][0]);
	sys_close(app->streams[1][1]);
	sys_close(app->streams[2][1]);
	sys_close(app->start[1]);
	sys_close(app->end[1]);
	lifeline_keep(&app->line);
}

static void finish(struct attendance *a)
{
	int status = 0;

	if (a->failed)
		app_tell_failed(a->app, a->message.stage, (int)a->message.error);
	else if (!a->started)
		app_tell_failed(a->app, "init", -ECHILD);
	else
		/* An inner init that could not tell was killed, and the application with it. */
		app_tell_exited(a->app, a->ended ? a->status : SIGKILL);
	sys_wait4(a->app->init_pid, &status, 0);
}

void app_attend(struct app *app)
{
	const signal_set forwarded = ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
	long room = sys_mmap(sizeof(struct attendance), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct attendance *a = (struct attendance *)room;

	if (room < 0 && room > -4096) {
		app_tell_failed(app, "memory", (int)room);
		return;
	}
	close_other_ends(app);
	a->app = app;
	a->start = app->start[0];
	a->end = app->end[0];
	a->signals = sys_signalfd4(&forwarded, O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		a->pumps[i].from = app->streams[i + 1][0];
		a->pumps[i].to = i + 1;
	}
	/* The inner init ends what the application leaves behind, so each of these comes to its end. */
	while (a->start >= 0 || a->end >= 0 || !pump_is_done(&a->pumps[0]) || !pump_is_done(&a->pumps[1])) {
		struct pollfd fds[5] = {
			{a->start, POLLIN, 0},	      {a->end, POLLIN, 0},	      {a->signals, POLLIN, 0},
			pump_wants(&a->pumps[0]), pump_wants(&a->pumps[1]),
		};

		if (sys_ppoll(fds, ARRAY_COUNT(fds), NULL) <= 0)
			continue;
		if (fds[0].revents)
			read_start(a);
		if (fds[1].revents)
			read_end(a);
		if (fds[2].revents)
			read_signal(a);
		for (int i = 0; i < 2; i++)
			if (fds[3 + i].revents)
				pump_turn(&a->pumps[i]);
	}
	finish(a);
}
