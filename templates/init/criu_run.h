/* One run of CRIU at a start: its directory, its arguments, its words. */
#ifndef CRIU_RUN_H
#define CRIU_RUN_H

#include "cold.h"
#include "init.h"

#define CRIU_DIRECTORY_ROOM 64
#define CRIU_FILE_ROOM 96

struct criu_run {
	const struct init *init;
	const char *images;
	char directory[CRIU_DIRECTORY_ROOM];
};

/* A file in the directory of the run. */
struct text criu_file(const struct criu_run *run, char room[CRIU_FILE_ROOM], const char *name);

/* Makes the directory, with what is known about the kernel in it. */
bool criu_begin(struct criu_run *run, struct cold *cold);
/* Tells the logs where that is wanted, and removes the directory. */
void criu_end(const struct criu_run *run);

enum criu_task {
	CRIU_RESTORE,
	CRIU_RESTORE_LAZY, /* memory comes from CRIU_LAZY_PAGES, which runs already */
	CRIU_LAZY_PAGES,
};

/* The process ID or a negative error. */
pid criu_start(const struct criu_run *run, enum criu_task task);

/* Adds why a restore failed, by CRIU's own words where there are any. */
void criu_explain(const struct criu_run *run, int status, struct cold *cold);

#endif
