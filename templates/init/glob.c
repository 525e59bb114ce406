#include "glob.h"

/* Greedy with one point to come back to: the last "*" takes one character more at each failure. Linear space, no recursion. */
bool glob_match(const char *pattern, const char *text, usize text_size)
{
	const char *star = NULL;
	usize at = 0;
	usize resume = 0;

	for (;;) {
		if (*pattern == '*') {
			star = pattern++;
			resume = at;
		} else if (at < text_size && *pattern == text[at] && *pattern) {
			pattern++;
			at++;
		} else if (at == text_size && !*pattern) {
			return true;
		} else if (star && resume < text_size) {
			pattern = star + 1;
			at = ++resume;
		} else {
			return false;
		}
	}
}
