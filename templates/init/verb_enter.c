/* @enter: a command inside the namespaces which @app made, as another user where that is wanted. */
#include "capabilities.h"
#include "identity.h"
#include "log.h"
#include "process.h"
#include "verbs.h"

/* Not a status of the command, as with env(1) and chroot(1). */
#define EXIT_FAILED 125

static int fail(const char *what, const char *subject, int error)
{
	log_problem(what, subject, error);
	return EXIT_FAILED;
}

/* All three are opened first: after the first change, /proc may be another one. */
static int join_namespaces(const char *target)
{
	static const struct {
		const char *name;
		u32 type;
	} spaces[] = {{"time", CLONE_NEWTIME}, {"pid", CLONE_NEWPID}, {"mnt", CLONE_NEWNS}};
	int fds[ARRAY_COUNT(spaces)];

	for (usize i = 0; i < ARRAY_COUNT(spaces); i++) {
		char room[64];
		struct text path = text_over(room, sizeof(room));

		text_add(&path, "/proc/");
		text_add(&path, target);
		text_add(&path, "/ns/");
		text_add(&path, spaces[i].name);
		fds[i] = sys_openat(AT_FDCWD, room, O_RDONLY | O_CLOEXEC, 0);
		if (fds[i] < 0)
			return fail("cannot open", room, fds[i]);
	}
	for (usize i = 0; i < ARRAY_COUNT(spaces); i++) {
		int error = sys_setns(fds[i], spaces[i].type);

		if (error)
			return fail("cannot enter the namespace", spaces[i].name, error);
		sys_close(fds[i]);
	}
	return 0;
}

static _Noreturn void become(const struct init *init, const struct identity *identity, const char *cwd, struct lifeline *line)
{
	int error = identity_take(identity);

	if (error)
		sys_exit_group(fail("cannot become the user", NULL, error));
	error = sys_chdir(cwd ? cwd : "/");
	if (error)
		sys_exit_group(fail("cannot enter the directory", cwd, error));
	/* After the change of user, which clears it. */
	if (!lifeline_hold(line))
		sys_exit_group(EXIT_FAILED);
	sys_rt_sigprocmask(SIG_SETMASK, &init->original_mask, NULL);
	error = exec_command(init->argv, init->envp);
	log_problem("cannot run", init->argv[0], error);
	sys_exit_group(exit_status_of_exec(error));
}

int verb_enter(struct init *init)
{
	enum { TARGET, UID, GID, GROUPS, AMBIENT, CWD, OPTIONS };
	struct option options[OPTIONS] = {
		[TARGET] = {"--target", true, NULL},   [UID] = {"--uid", false, NULL},	       [GID] = {"--gid", false, NULL},
		[GROUPS] = {"--groups", false, NULL},  [AMBIENT] = {"--ambient", false, NULL}, [CWD] = {"--cwd", false, NULL},
	};
	struct identity identity = {0};
	struct lifeline line;
	u64 target;
	pid child;
	int status;

	if (!verb_options(init, options, OPTIONS, &init->argv))
		return EXIT_USAGE;
	if (!parse_number(options[TARGET].value, INT32_MAX, &target) || !target)
		return usage("no process ID", options[TARGET].value);
	if (!identity_parse(options[UID].value, options[GID].value, options[GROUPS].value, &identity))
		return usage("--uid, --gid and --groups take numbers, and belong together", NULL);
	if (options[AMBIENT].value && !parse_hex(options[AMBIENT].value, &identity.keep))
		return usage("no hexadecimal mask", options[AMBIENT].value);
	status = join_namespaces(options[TARGET].value);
	if (status)
		return status;
	status = lifeline_make(&line);
	if (status)
		return fail("no pipe", NULL, status);
	child = sys_fork();
	if (child == 0)
		become(init, &identity, options[CWD].value, &line);
	if (child < 0)
		return fail("no process for the command", NULL, child);
	lifeline_keep(&line);
	return supervise(child);
}
