/*
 * The two programs that are built of these sources: crac-init of the images (program_image.c), and the one of the build container
 * (program_build.c). What an image does not need is not in it.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "init.h"

/* What the first argument asks for. Returns the exit status. */
int run_program(struct init *init);

#endif
