#include "carry.h"
#include "clock.h"
#include "compare.h"
#include "files.h"
#include "log.h"
#include "mem.h"
#include "paths.h"
#include "prefetch.h"
#include "process.h"
#include "restore.h"
#include "runtime.h"

void trace_tell(const struct init *init, u64 resumed_ns, const char *restorer, const char *mode, const char *cold)
{
	char room[LINE_ROOM];
	struct text line = text_over(room, sizeof(room));
	const struct {
		const char *key;
		const char *value;
	} names[] = {{",\"restorer\":", restorer}, {",\"mode\":", mode}, {",\"cold\":", cold}};

	text_add(&line, "{\"crac-init\":{\"startNs\":");
	text_add_number(&line, init->start_ns);
	text_add(&line, ",\"resumedNs\":");
	text_add_number(&line, resumed_ns ? resumed_ns : clock_ns(CLOCK_BOOTTIME));
	for (usize i = 0; i < ARRAY_COUNT(names); i++) {
		text_add(&line, names[i].key);
		if (names[i].value)
			text_add_json(&line, names[i].value);
		else
			text_add(&line, "null");
	}
	text_add(&line, "}}");
	log_line(2, &line);
}

static bool open_record(struct init *init, struct cold *cold)
{
	struct mapping file;
	int error = map_file(RECORD_PATH, RECORD_MAX_BYTES, &file);
	enum record_error wrong;

	if (error) {
		cold_because(cold, COLD_RECORD, RECORD_PATH ": ");
		text_add_errno(&cold->reason, error);
		return false;
	}
	wrong = record_open(file.bytes, file.size, &init->record);
	if (!wrong)
		return true;
	init->record.header = NULL;
	unmap_file(&file);
	if (wrong == RECORD_ERROR_VERSION || wrong == RECORD_ERROR_FEATURES)
		return cold_because(cold, COLD_VERSION, "the record was written for another version of crac-init");
	cold_because(cold, COLD_RECORD, RECORD_PATH " is damaged: ");
	text_add(&cold->reason, name_at(RECORD_ERROR_NAMES, wrong - 1));
	return false;
}

static u32 deadline_ms(const struct init *init)
{
	const char *wanted = environment_value(init->envp, "CRAC_BUILD_DEADLINE");
	u32 milliseconds = init->record.header->deadline_ms;

	if (wanted && !parse_duration(wanted, &milliseconds))
		log_problem("CRAC_BUILD_DEADLINE is no duration such as 15s or 1500ms, and is ignored", wanted, 0);
	return milliseconds;
}

static bool restore(struct init *init, struct restored *restored, struct cold *cold)
{
	const char *wanted = environment_value(init->envp, "CRAC_BUILD_RESTORE");
	const struct restorer *restorer;
	struct restore plan = {.init = init, .carry = {.record = &init->record}};

	if (wanted && text_equal(wanted, "off"))
		return cold_because(cold, COLD_OFF, "CRAC_BUILD_RESTORE=off");
	if (!open_record(init, cold))
		return false;
	if (!compare_process(init, cold))
		return false;
	restorer = restorer_of(&init->record);
	if (!restorer)
		return cold_because(cold, COLD_VERSION, "this crac-init does not have the record's restorer");
	/* Rights come before what is carried: a container without them is common, and is left as it was found. */
	if (!restorer->check(init, cold))
		return false;
	plan.deadline_ms = deadline_ms(init);
	plan.last_pid = prefetch_start(init);
	if (restorer->run(&plan, restored, cold)) {
		carry_keep(&plan.carry);
		return true;
	}
	carry_undo(&plan.carry);
	return false;
}

/* What the restore had on the stack below here: this process stays, beside every application. */
static __attribute__((noinline)) void stack_give_back(void)
{
	const u64 page = 4096, room = 64 * page;
	/* The kernel goes on behind what is not mapped, with ENOMEM at the end (madvise(2)). 128 bytes below the stack pointer are in use (psABI). */
	u64 end = ((u64)(usize)__builtin_frame_address(0) - 512) & ~(page - 1);

	SYS3(madvise, (long)(end - room), (long)room, MADV_DONTNEED);
}

/* Closed streams would become files of crac-init, and then of the application. */
static void open_streams(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (sys_fcntl(fd, F_GETFD, 0) == -EBADF)
			sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
}

static bool cold_is_wrong(const struct init *init, const struct cold *cold)
{
	struct statx stat;

	if (cold->code == COLD_OFF)
		return false;
	if (init->record.header)
		return init->record.header->fallback == RECORD_FALLBACK_FAIL;
	return !sys_statx(AT_FDCWD, FALLBACK_FAIL, 0, STATX_TYPE, &stat);
}

static int start_cold(const struct init *init, const struct cold *cold)
{
	pid app;

	/* Told by the parent: the child is about to become the application and holds nothing but what that needs. */
	if (init->trace)
		trace_tell(init, 0, init->record.header ? restorer_of(&init->record)->name : NULL,
			   init->record.header ? mode_name(&init->record) : NULL, cold_code_name(cold->code));
	app = start_command(init);
	if (app < 0) {
		log_problem("no process for the application", NULL, app);
		return 126;
	}
	return supervise(app);
}

int run_time(struct init *init)
{
	struct restored restored = {0};
	struct cold cold;

	open_streams();
	/* Orphans come here also where another init is PID 1. And /proc/self stays readable although the file has capabilities. */
	sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	cold_clear(&cold);
	if (restore(init, &restored, &cold)) {
		int status;

		if (init->trace)
			trace_tell(init, restored.resumed_ns, restorer_of(&init->record)->name, mode_name(&init->record),
				   NULL);
		stack_give_back();
		status = supervise_with((pid)init->record.header->pid, &restored.companion);
		if (status != COMPANION_LOST)
			return status;
		cold_because(&cold, COLD_MEMORY_LOST, "the process that brought the memory of the application ended, or came to a standstill");
	}
	cold_tell(&cold);
	if (cold_is_wrong(init, &cold))
		return EXIT_NO_FALLBACK;
	return start_cold(init, &cold);
}
