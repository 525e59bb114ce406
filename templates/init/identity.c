#include "capabilities.h"
#include "identity.h"
#include "sys.h"

bool identity_parse(const char *uid, const char *gid, const char *groups, struct identity *identity)
{
	u64 numbers[2];

	identity->change = uid != NULL;
	if (!uid)
		return !gid && !groups;
	/* The highest number means "unchanged" to setresuid. */
	if (!gid || !parse_number(uid, UINT32_MAX - 1, &numbers[0]) || !parse_number(gid, UINT32_MAX - 1, &numbers[1]))
		return false;
	identity->uid = (u32)numbers[0];
	identity->gid = (u32)numbers[1];
	return parse_groups(groups ? groups : "", &identity->groups);
}

int identity_take(const struct identity *identity)
{
	int error = 0;

	if (identity->keep)
		error = sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (!error && identity->change)
		error = sys_setgroups(identity->groups.count, identity->groups.ids);
	if (!error && identity->change)
		error = sys_setresgid(identity->gid);
	if (!error && identity->change)
		error = sys_setresuid(identity->uid);
	if (!error && identity->keep) {
		/* All that root had is still permitted here; only what is to be kept may stay. */
		const struct capabilities kept = {identity->keep, identity->keep, identity->keep};

		if (identity->change && identity->uid != 0)
			error = capabilities_set(&kept);
		if (!error)
			error = capabilities_raise_ambient(identity->keep);
	}
	return error;
}
