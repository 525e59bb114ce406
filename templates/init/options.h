/* The arguments of the tool verbs: "--name value" pairs, then "--" and a command. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "text.h"

struct option {
	const char *name;
	bool required;
	const char *value; /* NULL: not given */
};

/*
 * Fills the values. `argv` is what follows the verb; `command` becomes what follows "--", with NULL where there is no "--".
 * False: `error` says why.
 */
bool options_parse(struct option *options, usize count, char **argv, char ***command, struct text *error);

#define GROUPS_MAX 64

struct groups {
	u32 ids[GROUPS_MAX];
	usize count;
};

/* "1,2,3", or "" for none. */
bool parse_groups(const char *string, struct groups *groups);

/* Whether a status is in "200-399" or "200,204,300-399"; false also for a list that is none. */
bool status_expected(const char *list, u32 status);
bool status_list_is_good(const char *list);

#endif
