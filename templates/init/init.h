/* What is known of this process from its start on; the one struct that is passed down. */
#ifndef INIT_H
#define INIT_H

#include "record.h"
#include "sys.h"

struct init {
	char **argv; /* the application's command, or the arguments of a verb */
	char **envp;
	u64 start_ns; /* CLOCK_BOOTTIME at the first instruction */
	signal_set original_mask;
	bool trace;
	bool debug;
	struct record record; /* header is NULL until it has been read and checked */
};

#endif
