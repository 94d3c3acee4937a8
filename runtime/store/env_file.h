// The data file of an environment: how it comes to be, its map, its format, its tables.
//
// A new file is made under another name and gets its own when all of it is on the disk. LMDB writes
// the first two pages of a file without waiting for the disk, so a power cut in the first moments
// of a data directory would else leave one that never opens again.
//
// Private to the layer.

#ifndef OD_STORE_ENV_FILE_H
#define OD_STORE_ENV_FILE_H

#include "store/env.h"

// Where the file is to be; it may be there already.
OD_MUST_CHECK bool od_env_make_directory(const char *directory, struct od_error *err);

// A writer makes what is missing. Nothing stays open on false.
OD_MUST_CHECK bool od_env_file_open(struct od_env *env, struct od_error *err);

#endif
