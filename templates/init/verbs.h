/* The tool verbs: first arguments that begin with "@". Each returns an exit status; `init->argv` is what follows the verb. */
#ifndef VERBS_H
#define VERBS_H

#include "init.h"
#include "options.h"

/* Wrong use of a verb. */
#define EXIT_USAGE 2

int verb_build(struct init *init);
int verb_app(struct init *init);
int verb_enter(struct init *init);
int verb_look(struct init *init);
int verb_cpu(struct init *init);
int verb_clock(struct init *init);
int verb_clock_shim(struct init *init);
int verb_memory(struct init *init);
int verb_trace(struct init *init);
int verb_probe(struct init *init);
int verb_train(struct init *init);
int verb_uncache(struct init *init);
int verb_cached(struct init *init);
int verb_evict(struct init *init);

/* options_parse with a line on the standard error. With `command` a command has to follow, without it none may. */
bool verb_options(const struct init *init, struct option *options, usize count, char ***command);

/* "crac-init: PROBLEM: WHICH" on the standard error, and EXIT_USAGE. */
int usage(const char *problem, const char *which);

#endif
