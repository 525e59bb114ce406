#include "clock.h"
#include "compare.h"
#include "environment.h"
#include "files.h"
#include "mem.h"
#include "options.h"

static bool compare_arguments(const struct init *init, struct cold *cold)
{
	const struct record *record = &init->record;
	const struct record_string *recorded = record_rows(record, record->header->argv);
	u32 expected = record->header->argv.count;
	u32 count = 0;

	/* Arguments may hold secrets: told is where they differ, not what they are. */
	while (init->argv[count] && count < expected && text_equal(init->argv[count], record_text(record, recorded[count])))
		count++;
	if (!init->argv[count] && count == expected)
		return true;
	cold_because(cold, COLD_ARGUMENTS, "word ");
	text_add_number(&cold->reason, count + 1);
	text_add(&cold->reason, " of the command is not that of the build, which had ");
	text_add_number(&cold->reason, expected);
	return false;
}

static bool compare_user(const struct record *record, struct cold *cold)
{
	const struct record_header *header = record->header;
	u32 uid = sys_geteuid();
	u32 gid = sys_getegid();

	if (uid == header->uid && sys_getuid() == uid && gid == header->gid && sys_getgid() == gid)
		return true;
	cold_because(cold, COLD_USER, "user ");
	text_add_number(&cold->reason, uid);
	text_add(&cold->reason, ":");
	text_add_number(&cold->reason, gid);
	text_add(&cold->reason, ", the build had ");
	text_add_number(&cold->reason, header->uid);
	text_add(&cold->reason, ":");
	text_add_number(&cold->reason, header->gid);
	return false;
}

static u32 past_primary(const u32 *groups, u32 count, u32 at, u32 primary)
{
	while (at < count && groups[at] == primary)
		at++;
	return at;
}

/*
 * The images have no groups, as CRIU cannot set them without CAP_SETGID: the application keeps those of the container, which have to
 * be those of the build. Engines differ in whether they repeat the primary group, which means the same. Both lists ascend.
 */
static bool compare_groups(const struct record *record, struct cold *cold)
{
	const struct record_header *header = record->header;
	const u32 *recorded = record_rows(record, header->groups);
	u32 now[GROUPS_MAX];
	int got = sys_getgroups(GROUPS_MAX, now);
	u32 count = got > 0 ? (u32)got : 0;
	u32 i = past_primary(now, count, 0, header->gid);
	u32 j = past_primary(recorded, header->groups.count, 0, header->gid);

	if (!(header->flags & RECORD_FLAG_GROUPS_KNOWN))
		return true;
	while (i < count && j < header->groups.count && now[i] == recorded[j]) {
		i = past_primary(now, count, i + 1, header->gid);
		j = past_primary(recorded, header->groups.count, j + 1, header->gid);
	}
	if (got >= 0 && i == count && j == header->groups.count)
		return true;
	return cold_because(cold, COLD_USER, "other supplementary groups than those of the build");
}

static bool compare_directory(const struct record *record, struct cold *cold)
{
	const char *recorded = record_text(record, record->header->cwd);
	char now[PATH_ROOM];

	if (sys_getcwd(now, sizeof(now)) > 0 && text_equal(now, recorded))
		return true;
	cold_because(cold, COLD_DIRECTORY, "the build started in ");
	text_add_printable(&cold->reason, recorded, record->header->cwd.size);
	return false;
}

static bool compare_environment(const struct init *init, struct cold *cold)
{
	char room[COLD_LINE_ROOM];
	struct text names = text_over(room, sizeof(room));

	switch (environment_compare(&init->record, init->envp, &names)) {
	case ENVIRONMENT_SAME:
		return true;
	case ENVIRONMENT_JVM_OPTIONS:
		cold_because(cold, COLD_JVM_OPTIONS, names.at);
		text_add(&cold->reason, " is not that of the build");
		return false;
	case ENVIRONMENT_DIFFERENT:
		cold_because(cold, COLD_ENVIRONMENT, "not those of the build: ");
		text_add(&cold->reason, names.at);
		return false;
	}
	return false;
}

static bool compare_clock(int clock, const char *name, u64 recorded, struct cold *cold)
{
	u64 now = clock_ns(clock);

	if (now >= recorded)
		return true;
	cold_because(cold, COLD_CLOCK, "the ");
	text_add(&cold->reason, name);
	text_add(&cold->reason, " clock of the host is ");
	text_add_number(&cold->reason, (recorded - now) / NS_PER_MS + 1);
	text_add(&cold->reason, " ms behind that of the checkpoint");
	return false;
}

/* getpgid finds threads too, needs no /proc, and fails with ESRCH for a free number. */
static bool compare_pids(const struct record *record, struct cold *cold)
{
	const u32 *tids = record_rows(record, record->header->tids);
	u32 count = record->header->tids.count;

	for (u32 i = 0; i <= count; i++) {
		u32 id = i < count ? tids[i] : record->header->pid;

		if (sys_getpgid((pid)id) == -ESRCH)
			continue;
		cold_because(cold, COLD_PIDS, "process or thread ID ");
		text_add_number(&cold->reason, id);
		text_add(&cold->reason, " is taken");
		return false;
	}
	return true;
}

bool compare_process(const struct init *init, struct cold *cold)
{
	const struct record *record = &init->record;
	const struct record_header *header = record->header;

	return compare_arguments(init, cold) && compare_user(record, cold) && compare_groups(record, cold) && compare_directory(record, cold) &&
	       compare_environment(init, cold) && compare_cpu(record, cold) &&
	       compare_clock(CLOCK_MONOTONIC, "monotonic", header->monotonic_ns, cold) &&
	       compare_clock(CLOCK_BOOTTIME, "boot time", header->boottime_ns, cold) && compare_pids(record, cold) &&
	       compare_checkpoint_files(record, cold);
}

bool compare_surroundings(const struct record *record, struct cold *cold)
{
	struct limits limits;

	limits_read(&limits);
	if (!(compare_memory(record, &limits, cold) && compare_store(record, cold) && compare_files(record, cold)))
		return false;
	tell_limits(record, &limits);
	return true;
}
