#include "options.h"
#include "mem.h"

static struct option *find_option(struct option *options, usize count, const char *name)
{
	for (usize i = 0; i < count; i++)
		if (text_equal(options[i].name, name))
			return &options[i];
	return NULL;
}

static bool complain(struct text *error, const char *problem, const char *name)
{
	text_add(error, problem);
	text_add_printable(error, name, text_length(name));
	return false;
}

bool options_parse(struct option *options, usize count, char **argv, char ***command, struct text *error)
{
	*command = NULL;
	for (; *argv; argv += 2) {
		struct option *option;

		if (text_equal(*argv, "--")) {
			*command = argv + 1;
			break;
		}
		option = find_option(options, count, *argv);
		if (!option)
			return complain(error, "unknown option ", *argv);
		if (!argv[1])
			return complain(error, "no value for ", *argv);
		if (option->value)
			return complain(error, "given twice: ", *argv);
		option->value = argv[1];
	}
	for (usize i = 0; i < count; i++)
		if (options[i].required && !options[i].value)
			return complain(error, "missing option ", options[i].name);
	return true;
}

/* The number at the front of a list, and what follows its digits. */
static bool take_number(const char **list, u64 *number)
{
	const char *at = *list;
	u64 value = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (u64)(*at - '0');
		if (value > UINT32_MAX)
			return false;
	}
	if (at == *list)
		return false;
	*list = at;
	*number = value;
	return true;
}

bool parse_groups(const char *string, struct groups *groups)
{
	groups->count = 0;
	if (!*string)
		return true;
	for (;; string++) {
		u64 id;

		if (groups->count == GROUPS_MAX || !take_number(&string, &id))
			return false;
		groups->ids[groups->count++] = (u32)id;
		if (!*string)
			return true;
		if (*string != ',')
			return false;
	}
}

static bool walk_statuses(const char *list, u32 status, bool *found)
{
	*found = false;
	for (;; list++) {
		u64 first;
		u64 last;

		if (!take_number(&list, &first))
			return false;
		last = first;
		if (*list == '-') {
			list++;
			if (!take_number(&list, &last))
				return false;
		}
		*found = *found || (status >= first && status <= last);
		if (!*list)
			return true;
		if (*list != ',')
			return false;
	}
}

bool status_expected(const char *list, u32 status)
{
	bool found;

	return walk_statuses(list, status, &found) && found;
}

bool status_list_is_good(const char *list)
{
	bool found;

	return walk_statuses(list, 0, &found);
}
