/* Where things lie in an image with a checkpoint. */
#ifndef PATHS_H
#define PATHS_H

#define CHECKPOINT "/.crac-build/checkpoint/"
#define RECORD_PATH CHECKPOINT "record"
#define TAPE_PATH CHECKPOINT "tape"
#define CARRY CHECKPOINT "carry/"
/* There where no cold start is wanted: what the record says as well, for a record that cannot be read. */
#define FALLBACK_FAIL CHECKPOINT "fallback-fail"
#define STORE "/.crac-build/pages/store"
/* What CRIU found out about a kernel and the rights it had there (criu/kerndat.c). */
#define CRIU_KERNEL_CACHE CHECKPOINT "criu.kdat"
#define CRIU_IMAGES CHECKPOINT "criu"
#define CRIU_IMAGES_PRIVATE CHECKPOINT "criu-private"
#define CRIU_LOADER "/.crac-build/criu/ld.so"
#define CRIU_LIBRARIES "/.crac-build/criu/lib"
#define CRIU_PROGRAM "/.crac-build/criu/criu"

#endif
