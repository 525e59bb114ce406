/*
 * @train: a start of the finished image before there is an image. In PID and mount namespaces of its own, with the checkpoint and the page
 * store where they will be, crac-init runs as it will: what is seen here is what a container will do.
 */
#include "capabilities.h"
#include "identity.h"
#include "log.h"
#include "paths.h"
#include "process.h"
#include "verbs.h"

#define EXIT_FAILED 125
#define CHECKPOINT_DIRECTORY "/.crac-build/checkpoint"
#define PAGES_DIRECTORY "/.crac-build/pages"

struct training {
	struct init *init;
	struct identity identity;
	const char *checkpoint;
	const char *pages;
	const char *cwd;
	struct lifeline line;
	int streams[2][2]; /* pipes for the standard output and error: read end, write end */
};

static _Noreturn void give_up(const char *what, const char *subject, int error)
{
	log_problem(what, subject, error);
	sys_exit_group(EXIT_FAILED);
}

static void mount_or_give_up(const char *source, const char *target, const char *type, u64 flags)
{
	int error = sys_mount(source, target, type, flags);

	if (error)
		give_up("cannot mount", target, error);
}

/* CRIU reopens the streams by their links in /proc, which a socket does not allow: the other side may well be one. */
static _Noreturn void pump(const struct training *training, int stream)
{
	static char buffer[16384];

	for (int i = 0; i < 2; i++)
		sys_close(training->streams[i][1]);
	for (;;) {
		long got = sys_read(training->streams[stream][0], buffer, sizeof(buffer));

		if (got == -EINTR)
			continue;
		if (got <= 0 || write_all(stream + 1, buffer, (usize)got))
			sys_exit_group(0);
	}
}

static int make_streams(struct training *training)
{
	int error = 0;

	for (int i = 0; i < 2 && !error; i++)
		error = sys_pipe2(training->streams[i], O_CLOEXEC);
	for (int i = 0; i < 2 && !error; i++) {
		pid child = sys_fork();

		if (child == 0)
			pump(training, i);
		error = child < 0 ? child : 0;
	}
	return error;
}

static _Noreturn void become(struct training *training)
{
	const struct init *init = training->init;
	int error = sys_unshare(CLONE_NEWNS);

	if (error)
		give_up("no mount namespace", NULL, error);
	mount_or_give_up("none", "/", NULL, MS_REC | MS_PRIVATE);
	mount_or_give_up("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	mount_or_give_up(training->checkpoint, CHECKPOINT_DIRECTORY, NULL, MS_BIND);
	mount_or_give_up(training->pages, PAGES_DIRECTORY, NULL, MS_BIND);
	for (int i = 0; i < 2; i++) {
		sys_dup3(training->streams[i][1], i + 1, 0);
		/* CRIU opens them anew, as the user; engines give the streams of a container to its user as well. */
		if (training->identity.change)
			sys_fchownat(i + 1, "", training->identity.uid, training->identity.gid, AT_EMPTY_PATH);
	}
	error = identity_take(&training->identity);
	if (error)
		give_up("cannot become the user", NULL, error);
	error = sys_chdir(training->cwd);
	if (error)
		give_up("cannot enter the directory", training->cwd, error);
	/* After the change of user, which clears it. */
	if (!lifeline_hold(&training->line))
		sys_exit_group(EXIT_FAILED);
	close_on_exec_from(3);
	sys_rt_sigprocmask(SIG_SETMASK, &init->original_mask, NULL);
	error = exec_command(init->argv, init->envp);
	give_up("cannot run", init->argv[0], error);
}

int verb_train(struct init *init)
{
	enum { CHECKPOINT_AT, PAGES_AT, UID, GID, GROUPS, AMBIENT, CWD, OPTIONS };
	struct option options[OPTIONS] = {
		[CHECKPOINT_AT] = {"--checkpoint", true, NULL}, [PAGES_AT] = {"--pages", true, NULL},	[UID] = {"--uid", true, NULL},
		[GID] = {"--gid", true, NULL},			[GROUPS] = {"--groups", true, NULL},	[AMBIENT] = {"--ambient", true, NULL},
		[CWD] = {"--cwd", true, NULL},
	};
	struct training training = {.init = init};
	int error;
	pid child;

	if (!verb_options(init, options, OPTIONS, &init->argv))
		return EXIT_USAGE;
	if (!identity_parse(options[UID].value, options[GID].value, options[GROUPS].value, &training.identity))
		return usage("--uid, --gid and --groups take numbers", NULL);
	if (!parse_hex(options[AMBIENT].value, &training.identity.keep))
		return usage("no hexadecimal mask", options[AMBIENT].value);
	training.checkpoint = options[CHECKPOINT_AT].value;
	training.pages = options[PAGES_AT].value;
	training.cwd = options[CWD].value;
	error = lifeline_make(&training.line);
	if (!error)
		error = make_streams(&training);
	if (!error)
		error = sys_unshare(CLONE_NEWPID);
	child = error ? error : sys_fork();
	if (child == 0)
		become(&training);
	if (child < 0) {
		log_problem("no PID namespace", NULL, child);
		return EXIT_FAILED;
	}
	lifeline_keep(&training.line);
	for (int i = 0; i < 2; i++)
		sys_close(training.streams[i][1]);
	return supervise(child);
}
