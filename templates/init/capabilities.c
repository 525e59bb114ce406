#include <linux/capability.h>
#include "capabilities.h"
#include "sys.h"

/* In the order of their numbers (linux/capability.h of 6.18), as engines write them. */
#define CAPABILITY_NAMES                                                                                                          \
	"CHOWN\0DAC_OVERRIDE\0DAC_READ_SEARCH\0FOWNER\0FSETID\0KILL\0SETGID\0SETUID\0SETPCAP\0LINUX_IMMUTABLE\0NET_BIND_SERVICE\0" \
	"NET_BROADCAST\0NET_ADMIN\0NET_RAW\0IPC_LOCK\0IPC_OWNER\0SYS_MODULE\0SYS_RAWIO\0SYS_CHROOT\0SYS_PTRACE\0SYS_PACCT\0"      \
	"SYS_ADMIN\0SYS_BOOT\0SYS_NICE\0SYS_RESOURCE\0SYS_TIME\0SYS_TTY_CONFIG\0MKNOD\0LEASE\0AUDIT_WRITE\0AUDIT_CONTROL\0"      \
	"SETFCAP\0MAC_OVERRIDE\0MAC_ADMIN\0SYSLOG\0WAKE_ALARM\0BLOCK_SUSPEND\0AUDIT_READ\0PERFMON\0BPF\0CHECKPOINT_RESTORE\0"

static u64 join(u32 low, u32 high)
{
	return (u64)high << 32 | low;
}

int capabilities_get(struct capabilities *sets)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct words[2] = {{0}};
	int error = sys_capget(&header, words);

	sets->effective = join(words[0].effective, words[1].effective);
	sets->permitted = join(words[0].permitted, words[1].permitted);
	sets->inheritable = join(words[0].inheritable, words[1].inheritable);
	return error;
}

int capabilities_set(const struct capabilities *sets)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct words[2] = {
		{(u32)sets->effective, (u32)sets->permitted, (u32)sets->inheritable},
		{(u32)(sets->effective >> 32), (u32)(sets->permitted >> 32), (u32)(sets->inheritable >> 32)},
	};

	return sys_capset(&header, words);
}

int capabilities_raise_ambient(u64 mask)
{
	struct capabilities sets;
	int error = capabilities_get(&sets);

	sets.effective |= mask;
	sets.inheritable |= mask;
	if (!error)
		error = capabilities_set(&sets);
	for (u32 bit = 0; bit <= CAPABILITY_LAST && !error; bit++)
		if (mask & CAPABILITY_BIT(bit))
			error = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0);
	return error;
}

u64 capabilities_ambient(void)
{
	u64 mask = 0;

	for (u32 bit = 0; bit <= CAPABILITY_LAST; bit++)
		if (sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, bit, 0, 0) == 1)
			mask |= CAPABILITY_BIT(bit);
	return mask;
}

int capabilities_drop_bounding(u64 mask)
{
	for (u32 bit = 0; bit <= CAPABILITY_LAST; bit++) {
		int error;

		if (!(mask & CAPABILITY_BIT(bit)) || sys_prctl(PR_CAPBSET_READ, bit, 0, 0, 0) != 1)
			continue;
		error = sys_prctl(PR_CAPBSET_DROP, bit, 0, 0, 0);
		if (error)
			return error;
	}
	return 0;
}

void text_add_capability_flags(struct text *text, u64 mask)
{
	bool first = true;

	for (u32 bit = 0; bit <= CAPABILITY_LAST; bit++) {
		const char *name = name_at(CAPABILITY_NAMES, bit);

		if (!(mask & CAPABILITY_BIT(bit)))
			continue;
		text_add(text, first ? "--cap-add " : " --cap-add ");
		if (*name)
			text_add(text, name);
		else
			text_add_number(text, bit);
		first = false;
	}
}
