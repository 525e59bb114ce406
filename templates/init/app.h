/* The parts of @app: see verb_app.c. */
#ifndef APP_H
#define APP_H

#include "identity.h"
#include "process.h"

#define APP_STREAMS 3
#define AF_UNIX 1
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC O_CLOEXEC
#define SOL_SOCKET 1
#define SO_PASSCRED 16

struct app {
	const struct init *init;
	struct identity identity;
	u64 dropped_capabilities;
	u64 clock_seconds; /* at which its clocks begin */
	const char *cwd;
	int status_fd;
	pid wanted_pid;
	pid init_pid; /* as the helper sees it */
	pid app_pid; /* as the helper sees it; 0: not known yet */
	int streams[APP_STREAMS][2]; /* pipes: read end, write end */
	int start[2]; /* socket: the helper's end, the application's end */
	int end[2]; /* pipe: the helper's end, the inner init's end */
	struct lifeline line;
};

/* On `start`, from the application: stage and error; error 0 says that all is ready for the exec. */
struct app_message {
	s64 error;
	char stage[24];
};

_Noreturn void inner_init(struct app *app);

/* The helper's life from the fork on. Tells "started" and "exited", or "failed". */
void app_attend(struct app *app);

void app_tell_failed(const struct app *app, const char *stage, int error);
void app_tell_started(const struct app *app);
void app_tell_exited(const struct app *app, int status);

#endif
