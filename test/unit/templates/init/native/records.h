/* Reads files into memory that is aligned as a mapping would be, and of exactly their size, so that sanitizers see every step too far. */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdio.h>
#include <stdlib.h>
#include "../../../../../templates/init/record.h"

static inline void *read_exactly(FILE *file, size_t size)
{
	void *bytes = malloc(size ? size : 1);

	if (!bytes || fread(bytes, 1, size, file) != size) {
		fprintf(stderr, "short read\n");
		exit(2);
	}
	return bytes;
}

#endif
