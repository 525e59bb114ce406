/* What crac-init writes down itself instead of taking it from a header. */
#include "../../../../../templates/init/app.h"
#include "../../../../../templates/init/capabilities.h"

const long own_constants[] = {
	CLOCK_MONOTONIC,    CLOCK_BOOTTIME,	MS_NOSUID,	       MS_NODEV,
	MS_NOEXEC,	    MS_REC,		MS_PRIVATE,	       RENAME_NOREPLACE,
	AF_UNIX,	    SOCK_SEQPACKET,	SOCK_CLOEXEC,	       SOL_SOCKET,
	SO_PASSCRED,	    CAPABILITY_SETPCAP, CAPABILITY_SYS_ADMIN,  CAPABILITY_CHECKPOINT_RESTORE,
	sizeof(struct signal_info), sizeof(struct signalfd_record),
};
const int own_count = sizeof(own_constants) / sizeof(own_constants[0]);
