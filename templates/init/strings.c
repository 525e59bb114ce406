#include "mem.h"

bool all_zero(const u8 *bytes, usize size)
{
	while (size--)
		if (*bytes++)
			return false;
	return true;
}

usize text_length(const char *text)
{
	usize length = 0;

	while (text[length])
		length++;
	return length;
}

bool text_equal(const char *left, const char *right)
{
	while (*left && *left == *right) {
		left++;
		right++;
	}
	return *left == *right;
}

bool text_begins(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return false;
	return true;
}

bool path_is_clean(const char *path, bool absolute)
{
	if (absolute && *path++ != '/')
		return false;
	for (;; path++) {
		const char *part = path;

		while (*path && *path != '/')
			path++;
		if (path == part || (path - part == 1 && part[0] == '.') || (path - part == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (!*path)
			return true;
	}
}

const char *environment_value(char *const *envp, const char *name)
{
	usize length = text_length(name);

	for (; *envp; envp++)
		if (text_begins(*envp, name) && (*envp)[length] == '=')
			return *envp + length + 1;
	return NULL;
}
