/* The calls of the tape: what images/tape/calls.ts says of them. */
#include <asm/unistd.h>
#include "tape.h"

static const struct tape_rule rules[] = {
#define RULE(kind, limit, need) {TAPE_ARGUMENT_##kind, limit, need},
	TAPE_RULES(RULE)
#undef RULE
};
_Static_assert(ARRAY_COUNT(rules) <= 256, "a rule is told by a byte");

/* By number. No call of the kernel that a tape can make has the number 0, so that a row of zeros is none. */
static const struct tape_call_rules calls[] = {
#define CALL(name, system, result, ...) [TAPE_CALL_##name] = {__NR_##system, TAPE_RESULT_##result, {__VA_ARGS__}},
	TAPE_CALLS(CALL)
#undef CALL
#define CALL(name, result, ...) [TAPE_CALL_##name] = {TAPE_OWN, TAPE_RESULT_##result, {__VA_ARGS__}},
	TAPE_OWN_CALLS(CALL)
#undef CALL
};
_Static_assert(sizeof(struct tape_call_rules) == 8, "rows of calls");

#define CALL(name, system, ...) _Static_assert(__NR_##system > 0 && __NR_##system < TAPE_OWN, #name);
TAPE_CALLS(CALL)
#undef CALL

const struct tape_call_rules *tape_call_rules(u8 call)
{
	return call < ARRAY_COUNT(calls) && calls[call].system_call ? &calls[call] : NULL;
}

const struct tape_rule *tape_rule(const struct tape_call_rules *call, u32 argument)
{
	return &rules[call->rules[argument]];
}
