/* Becoming the user that a program is to run as. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "options.h"

struct identity {
	bool change; /* else user and groups stay */
	u32 uid;
	u32 gid;
	struct groups groups;
	u64 keep; /* capabilities to keep over the change and over an exec */
};

/* From texts that are all there, or none of them (NULL). */
bool identity_parse(const char *uid, const char *gid, const char *groups, struct identity *identity);

/* 0 or a negative error. */
int identity_take(const struct identity *identity);

#endif
