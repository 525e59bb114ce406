/*
 * The restorer "criu": unmodified CRIU 4.2 from the bundle in the image, started through the bundle's own loader, so that nothing
 * of the image is needed.
 */
#include "capabilities.h"
#include "clock.h"
#include "criu_log.h"
#include "files.h"
#include "log.h"
#include "mem.h"
#include "paths.h"
#include "process.h"
#include "restore.h"

/* CRIU finds the container's streams under these numbers; its own 0 to 2 must not be theirs, or its words would get in there. */
#define FIRST_STREAM 10
#define STREAMS 3
#define LOG_MAX (16u << 20)
#define KERNEL_CACHE_MAX 65536u
#define DIRECTORY_ROOM 64
#define FILE_ROOM 96

struct criu_run {
	char directory[DIRECTORY_ROOM];
	char log[FILE_ROOM];
	char output[FILE_ROOM];
};

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

static bool make_directory(struct criu_run *run, struct cold *cold)
{
	static const char *const parents[] = {"/dev/shm", "/run", "/tmp"};
	int error = 0;

	for (usize i = 0; i < ARRAY_COUNT(parents); i++) {
		/* Others may have taken a name in /dev/shm or /tmp; the directory has to be new. */
		for (u32 attempt = 0; attempt < 16; attempt++) {
			struct text path = text_over(run->directory, sizeof(run->directory));

			text_add(&path, parents[i]);
			text_add(&path, "/crac-build-");
			text_add_hex(&path, clock_ns(CLOCK_BOOTTIME));
			error = sys_mkdirat(AT_FDCWD, run->directory, 0700);
			if (!error) {
				struct text log = text_over(run->log, sizeof(run->log));
				struct text output = text_over(run->output, sizeof(run->output));

				text_add(&log, run->directory);
				text_add(&log, "/restore.log");
				text_add(&output, run->directory);
				text_add(&output, "/output");
				return true;
			}
			if (error != -EEXIST)
				break;
		}
	}
	cold_because(cold, COLD_RESTORE, "no directory for CRIU can be made in /dev/shm, /run or /tmp: ");
	text_add_errno(&cold->reason, error);
	return false;
}

/* The container's streams go to FIRST_STREAM and up; what CRIU says before it has its log goes to a file. */
static int place_streams(const struct criu_run *run)
{
	int output;
	int nothing;
	int error = 0;

	for (int fd = 0; fd < STREAMS && error >= 0; fd++)
		error = sys_dup3(fd, FIRST_STREAM + fd, O_CLOEXEC);
	for (int fd = 0; fd < STREAMS && error >= 0; fd++)
		error = sys_fcntl(FIRST_STREAM + fd, F_SETFD, 0);
	if (error < 0)
		return error;
	output = sys_openat(AT_FDCWD, run->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	nothing = sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
	if (output < 0 || nothing < 0)
		return output < 0 ? output : nothing;
	sys_dup3(nothing, 0, 0);
	sys_dup3(output, 1, 0);
	sys_dup3(output, 2, 0);
	return 0;
}

/* What CRIU would find out about this kernel is put where it looks: finding it out takes longer than many a restore. */
static void place_kernel_cache(const struct init *init, const struct criu_run *run)
{
	const struct record_header *record = init->record.header;
	char now_room[2 * UTSNAME_ROOM];
	char path_room[FILE_ROOM];
	struct text now = text_over(now_room, sizeof(now_room));
	struct text path = text_over(path_room, sizeof(path_room));
	struct capabilities own;
	struct utsname name;
	struct mapping cache;
	int fd;

	if (!record->kernel.size || sys_uname(&name))
		return;
	text_add(&now, name.release);
	text_add(&now, " ");
	text_add(&now, name.version);
	capabilities_get(&own);
	/* A cache of another kernel, or made under other rights, would be believed (criu/kerndat.c: kerndat_try_load_cache). */
	if (!text_equal(now.at, record_text(&init->record, record->kernel)) || own.permitted != record->kernel_capabilities)
		return;
	text_add(&path, run->directory);
	text_add(&path, "/criu.kdat");
	if (map_file(CRIU_KERNEL_CACHE, KERNEL_CACHE_MAX, &cache))
		return;
	fd = sys_openat(AT_FDCWD, path_room, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		write_all(fd, (const char *)cache.bytes, cache.size);
		sys_close(fd);
	}
	unmap_file(&cache);
}

static _Noreturn void exec_criu(const struct restore *restore, const struct criu_run *run)
{
	const struct init *init = restore->init;
	char stream_room[STREAMS][32];
	char runtime_room[sizeof("XDG_RUNTIME_DIR=") + DIRECTORY_ROOM];
	struct text runtime = text_over(runtime_room, sizeof(runtime_room));
	char *const environment[] = {runtime_room, NULL};
	const char *argv[32] = {CRIU_LOADER, "--library-path", CRIU_LIBRARIES, CRIU_PROGRAM, "restore"};
	usize count = 5;
	int error;
#define ADD(word) argv[count++] = (word)
	ADD("-d");
	ADD("--unprivileged");
	ADD("--file-locks");
	ADD("-D");
	ADD(restore->use_private ? CRIU_IMAGES_PRIVATE : CRIU_IMAGES);
	ADD("-W");
	ADD(run->directory);
	ADD("-o");
	ADD("restore.log");
	ADD(init->debug ? "-v4" : "-v2");
	for (u32 i = 0; i < STREAMS; i++) {
		struct text stream = text_over(stream_room[i], sizeof(stream_room[i]));

		if (!init->record.header->stream_pipe_ids[i])
			continue;
		/* The colon is right: without it CRIU 4.2 takes the option and does nothing (criu/files.c, inherit_fd_parse). */
		text_add(&stream, "fd[");
		text_add_number(&stream, FIRST_STREAM + i);
		text_add(&stream, "]:pipe:[");
		text_add_number(&stream, init->record.header->stream_pipe_ids[i]);
		text_add(&stream, "]");
		ADD("--inherit-fd");
		ADD(stream_room[i]);
	}
#undef ADD
	_Static_assert(5 + 10 + 2 * STREAMS < ARRAY_COUNT(argv), "arguments of CRIU");
	text_add(&runtime, "XDG_RUNTIME_DIR=");
	text_add(&runtime, run->directory);
	sys_setsid();
	close_on_exec_from(STREAMS);
	error = place_streams(run);
	if (!error && sys_geteuid() != 0) {
		struct capabilities own;

		capabilities_get(&own);
		error = capabilities_raise_ambient(own.permitted);
	}
	signals_restore(0);
	if (!error)
		error = sys_execve(CRIU_LOADER, (char *const *)argv, environment);
	log_problem("cannot run CRIU", CRIU_LOADER, error);
	sys_exit_group(127);
}

static void tell_log(const char *path)
{
	struct mapping log;

	if (map_file(path, LOG_MAX, &log))
		return;
	write_all(2, (const char *)log.bytes, log.size);
	unmap_file(&log);
}

static bool add_from(const char *path, bool (*add)(struct text *, const char *, usize), struct text *reason)
{
	struct mapping log;
	bool found;

	if (map_file(path, LOG_MAX, &log))
		return false;
	found = add(reason, (const char *)log.bytes, log.size);
	unmap_file(&log);
	return found;
}

static void explain(const struct criu_run *run, int status, struct cold *cold)
{
	cold_because(cold, COLD_RESTORE, "");
	if (add_from(run->log, text_add_criu_reason, &cold->reason) || add_from(run->output, text_add_last_line, &cold->reason))
		return;
	text_add(&cold->reason, "CRIU ended with status ");
	text_add_number(&cold->reason, (u64)exit_status_of(status));
}

/* CRIU's exit status is not enough: the application has to be there, as a child that can be waited for. */
static bool came_back(const struct record *record)
{
	return sys_waitid(P_PID, (pid)record->header->pid, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static bool run(const struct restore *restore, struct cold *cold)
{
	u64 deadline_ns = clock_ns(CLOCK_MONOTONIC) + restore->deadline_ms * NS_PER_MS;
	struct criu_run run;
	bool done = false;
	int status = 0;
	pid criu;

	if (!make_directory(&run, cold))
		return false;
	place_kernel_cache(restore->init, &run);
	criu = sys_fork();
	if (criu == 0)
		exec_criu(restore, &run);
	if (criu < 0) {
		cold_because(cold, COLD_RESTORE, "no process for CRIU: ");
		text_add_errno(&cold->reason, criu);
	} else if (!wait_until(criu, deadline_ns, &status)) {
		cold_because(cold, COLD_DEADLINE, "the restore took longer than ");
		text_add_number(&cold->reason, restore->deadline_ms);
		text_add(&cold->reason, " ms");
	} else if (status != 0 || !came_back(&restore->init->record)) {
		explain(&run, status, cold);
	} else {
		done = true;
	}
	if (restore->init->debug) {
		tell_log(run.output);
		tell_log(run.log);
	}
	if (!done)
		kill_descendants();
	remove_flat_directory(run.directory);
	return done;
}

const struct restorer restorer_criu = {"criu", check, run};
