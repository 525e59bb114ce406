/* Where things lie in an image with a checkpoint. */
#ifndef PATHS_H
#define PATHS_H

#define CHECKPOINT "/.crac-build/checkpoint/"
#define RECORD_PATH CHECKPOINT "record"
#define CARRY CHECKPOINT "carry/"
#define CRIU_IMAGES CHECKPOINT "criu"
#define CRIU_IMAGES_PRIVATE CHECKPOINT "criu-private"
#define CRIU_LOADER "/.crac-build/criu/ld.so"
#define CRIU_LIBRARIES "/.crac-build/criu/lib"
#define CRIU_PROGRAM "/.crac-build/criu/criu"

#endif
