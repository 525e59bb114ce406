/* The restorer "tape": needs no right beyond those of the application. */
#include "clock.h"
#include "cpu.h"
#include "files.h"
#include "futex.h"
#include "mem.h"
#include "paths.h"
#include "pids.h"
#include "play.h"
#include "process.h"
#include "restore.h"
#include <linux/auxvec.h>
#include <linux/resource.h>

static bool wrong(struct cold *cold, enum cold_code code, const char *how)
{
	cold_because(cold, code, TAPE_PATH);
	text_add(&cold->reason, how);
	return false;
}

static bool failed(long result)
{
	return result < 0 && result > -4096;
}

/* Maps the tape and looks at all of it. 0 or a negative error; `found` is what is wrong with it. */
static int open_tape(enum tape_error *found, u32 *step)
{
	struct mapping file;
	int error = map_file(TAPE_PATH, TAPE_MAX_BYTES, &file);
	usize scratch_size;
	long scratch;

	if (error)
		return error;
	scratch_size = tape_scratch_bytes(file.bytes, file.size);
	scratch = sys_mmap(scratch_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (failed(scratch))
		return (int)scratch;
	*found = tape_open(file.bytes, file.size, (void *)(usize)scratch, &play.tape, step);
	return sys_munmap((void *)(usize)scratch, scratch_size);
}

static bool compare_tape(const struct record *record, struct cold *cold)
{
	enum tape_error found = 0;
	u32 step = TAPE_NO_STEP;
	int error = open_tape(&found, &step);

	if (!error && !found && play.tape.header->pid == record->header->pid)
		return true;
	wrong(cold, found == TAPE_ERROR_VERSION || found == TAPE_ERROR_FEATURES ? COLD_VERSION : COLD_CHECKPOINT_FILE, "");
	if (error) {
		text_add(&cold->reason, ": ");
		text_add_errno(&cold->reason, error);
	} else if (found) {
		text_add(&cold->reason, " is damaged, or of another version: ");
		text_add(&cold->reason, name_at(TAPE_ERROR_NAMES, found - 1));
		if (step != TAPE_NO_STEP) {
			text_add(&cold->reason, " in step ");
			text_add_number(&cold->reason, step);
		}
	} else {
		text_add(&cold->reason, " is that of another checkpoint");
	}
	return false;
}

static bool compare_state(const struct tape_header *header, struct cold *cold)
{
	struct cpu cpu;
	u64 missing;

	cpu_read(&cpu);
	missing = header->state_required & ~cpu.xcr0;
	if (!missing)
		return true;
	cold_because(cold, COLD_CPU, "registers in use are not enabled here: XCR0 ");
	text_add_hex(&cold->reason, missing);
	return false;
}

static bool compare_limit(const struct tape_header *header, struct cold *cold)
{
	struct rlimit64 limit;

	if (SYS4(prlimit64, 0, RLIMIT_NOFILE, 0, POINTER(&limit)) || limit.rlim_max >= header->descriptor_limit)
		return true;
	cold_because(cold, COLD_RESTORE, "the application has descriptors up to ");
	text_add_number(&cold->reason, header->descriptor_limit - 1);
	text_add(&cold->reason, ", this container allows ");
	text_add_number(&cold->reason, limit.rlim_max);
	return false;
}

/* The auxiliary vector follows the environment (System V psABI). */
static u64 find_vdso(char *const *envp)
{
	const u64 *entry;

	while (*envp)
		envp++;
	for (entry = (const u64 *)(const void *)(envp + 1); entry[0] != AT_NULL; entry += 2)
		if (entry[0] == AT_SYSINFO_EHDR)
			return entry[1];
	return 0;
}

static bool check(const struct init *init, struct cold *cold)
{
	play.vdso = find_vdso(init->envp);
	return compare_tape(&init->record, cold) && compare_state(play.tape.header, cold) && compare_limit(play.tape.header, cold);
}

/* Makes the number of the application the next one that is given. */
static bool reach_pid(pid last, pid wanted, struct cold *cold)
{
	u32 used = 0;
	int error;

	if (!last)
		last = pids_next();
	error = last < 0 ? last : pids_advance(last, wanted, &used);

	if (!error)
		return true;
	cold_because(cold, COLD_PIDS, "process ID ");
	text_add_number(&cold->reason, (u64)wanted);
	if (error == -ERANGE) {
		text_add(&cold->reason, " has passed already: the last one was ");
		text_add_number(&cold->reason, (u64)last);
	} else {
		text_add(&cold->reason, " cannot be reached: ");
		text_add_errno(&cold->reason, error);
	}
	return false;
}

/* In words: enumerators in lower case, with spaces. */
static void add_call(struct text *reason, u8 call)
{
#define NAME(name, ...) "\0" #name
#define NUMBER(name, ...) TAPE_CALL_##name,
	static const char names[] = TAPE_CALLS(NAME) TAPE_OWN_CALLS(NAME) "\0";
	static const u8 numbers[] = {TAPE_CALLS(NUMBER) TAPE_OWN_CALLS(NUMBER)};
#undef NAME
#undef NUMBER
	usize which = 0;

	while (which + 1 < sizeof(numbers) && numbers[which] != call)
		which++;
	for (const char *at = name_at(names + 1, which); *at; at++) {
		char letter = *at == '_' ? ' ' : (char)(*at | 0x20);

		text_add_bytes(reason, &letter, 1);
	}
}

static void add_step(struct text *reason, const struct play_shared *shared)
{
	const struct tape_step *steps = tape_rows(&play.tape, play.tape.header->steps);
	const struct tape_step *step = &steps[shared->step < play.tape.header->steps.count ? shared->step : 0];
	const struct tape_call_rules *rules = tape_call_rules(step->call);

	text_add(reason, "step ");
	text_add_number(reason, shared->step);
	text_add(reason, " of the tape, ");
	add_call(reason, step->call);
	for (u32 i = 0; i < 6; i++)
		if (tape_rule(rules, i)->kind == TAPE_ARGUMENT_PATH) {
			const char *path = (const char *)play.tape.data + step->arguments[i];

			text_add(reason, " ");
			text_add_printable(reason, path, text_length(path));
		}
}

static void explain(const struct play_shared *shared, struct cold *cold)
{
	struct text *reason = &cold->reason;

	cold_because(cold, shared->problem == PLAY_PROBLEM_THREAD ? COLD_PIDS : COLD_RESTORE, "");
	switch (shared->problem) {
	case PLAY_PROBLEM_STEP:
		add_step(reason, shared);
		break;
	case PLAY_PROBLEM_HOLE:
		text_add(reason, "no room for crac-init at ");
		text_add_hex(reason, play.tape.header->hole);
		break;
	default:
		text_add(reason, "thread ");
		text_add_number(reason, shared->subject);
		text_add(reason, " cannot be made");
	}
	text_add(reason, ": ");
	if (shared->result < 0) {
		text_add_errno(reason, (int)shared->result);
	} else {
		text_add(reason, "it gave ");
		text_add_number(reason, (u64)shared->result);
	}
}

/* It stays to be waited for. */
static bool has_ended(pid child)
{
	struct signal_info info = {0};

	return SYS5(waitid, P_PID, child, POINTER(&info), WEXITED | WNOHANG | WNOWAIT, 0) == 0 && info.number == SIGCHLD;
}

/* True: it has begun to run. */
static bool wait_for(pid child, const struct play_shared *shared, u64 begun_ns, u32 deadline_ms, struct cold *cold)
{
	u64 deadline_ns = begun_ns + deadline_ms * NS_PER_MS;
	const timespec look = timespec_of(PLAY_LOOK_NS);

	for (;;) {
		int status;

		switch (__atomic_load_n(&shared->state, __ATOMIC_ACQUIRE)) {
		case PLAY_RESUMED:
			return true;
		case PLAY_FAILED:
			explain(shared, cold);
			return false;
		}
		if (has_ended(child)) {
			/* It may have said something between the two looks. */
			if (__atomic_load_n(&shared->state, __ATOMIC_ACQUIRE) != PLAY_RUNS)
				continue;
			sys_wait4(child, &status, 0);
			cold_because(cold, COLD_RESTORE, "the process that was made ended with status ");
			text_add_number(&cold->reason, (u64)exit_status_of(status));
			return false;
		}
		if (clock_ns(CLOCK_MONOTONIC) >= deadline_ns) {
			cold_because(cold, COLD_DEADLINE, "the restore took longer than ");
			text_add_number(&cold->reason, deadline_ms);
			text_add(&cold->reason, " ms");
			return false;
		}
		futex_wait((u32 *)&shared->state, PLAY_RUNS, FUTEX_SHARED, &look);
	}
}

static bool run(struct restore *restore, struct restored *restored, struct cold *cold)
{
	pid wanted = (pid)restore->init->record.header->pid;
	u64 begun_ns = clock_ns(CLOCK_MONOTONIC);
	long shared = sys_mmap(sizeof(struct play_shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	pid child;
	bool done;

	if (failed(shared)) {
		cold_because(cold, COLD_RESTORE, "no memory: ");
		text_add_errno(&cold->reason, (int)shared);
		return false;
	}
	play.shared = (void *)(usize)shared;
	play.parent = sys_getpid();
	if (!reach_pid(restore->last_pid, wanted, cold))
		return false;
	child = sys_fork();
	if (child == 0 && sys_getpid() == wanted)
		play_lead();
	if (child == 0)
		sys_exit_group(1);
	if (child != wanted) {
		cold_because(cold, COLD_PIDS, "process ID ");
		text_add_number(&cold->reason, (u64)wanted);
		text_add(&cold->reason, " was not met: ");
		if (child < 0)
			text_add_errno(&cold->reason, child);
		else
			text_add_number(&cold->reason, (u64)child);
		done = false;
	} else if (!restore_prepare(restore, cold)) {
		done = false;
	} else {
		futex_set(&play.shared->allowed, 1, FUTEX_SHARED);
		done = wait_for(child, play.shared, begun_ns, restore->deadline_ms, cold);
		/* PID 1 may get a processor long after the application has. */
		restored->resumed_ns = __atomic_load_n(&play.shared->resumed_ns, __ATOMIC_ACQUIRE);
	}
	if (!done)
		kill_descendants();
	return done;
}

const struct restorer restorer_tape = {"tape", check, run};
