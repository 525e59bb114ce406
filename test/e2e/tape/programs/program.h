/*
 * What the programs have in common: being ready to be dumped, waiting until they go on elsewhere, comparing what the kernel says of the
 * process before and after, and saying what is not as it was.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int problems;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	static char line[4096];
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(line, sizeof(line) - 1, format, list);
	va_end(list);
	line[length] = '\n';
	write(1, line, (size_t)length + 1);
}

/* Something is not as it was. What comes after many of them tells no more. */
#define MOST_PROBLEMS 25
#define WRONG(...) (problems++ < MOST_PROBLEMS ? say(__VA_ARGS__) : (void)0)
#define CHECK(condition, ...)                 \
	do {                                  \
		if (!(condition))             \
			WRONG(__VA_ARGS__);   \
	} while (0)

/* Before the dump: the program cannot get into its state. */
#define NEED(condition)                                                                                  \
	do {                                                                                             \
		if (!(condition)) {                                                                      \
			say("line %d: %s: %s", __LINE__, #condition, strerror(errno));                   \
			_exit(2);                                                                        \
		}                                                                                        \
	} while (0)

#define RESUMED "/app/resumed"

static bool goes_on(void)
{
	return access(RESUMED, F_OK) == 0;
}

static void pause_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

#include "kernel_state.h"

/* Waits to be dumped; comes back in another world. */
static void checkpoint(void)
{
	kernel_state_before();
	say("ready");
	while (!goes_on())
		pause_ms(5);
	/* Other threads have a mask of crac-init's until they run for the first time. */
	pause_ms(50);
	kernel_state_after();
}

static int finish(void)
{
	if (!problems)
		say("good");
	return problems ? 1 : 0;
}

#endif
