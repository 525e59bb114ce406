/* The Test Anything Protocol (testanything.org), one line a check. */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count;

static inline void tap(bool good, const char *what, const char *got)
{
	printf("%s %d - %s", good ? "ok" : "not ok", ++tap_count, what);
	if (!good && got)
		printf(" (got \"%s\")", got);
	putchar('\n');
}

#define CHECK(condition) tap((condition), #condition, NULL)
#define CHECK_TEXT(text, expected) tap(strcmp((text), (expected)) == 0, #text " is " #expected, (text))
#define TAP_END() printf("1..%d\n", tap_count)

#endif
