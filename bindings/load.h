// Loads the script of a worker: compiles it, runs it, checks what it returns and makes it known.
//
// Everything that can be wrong is found here, before the first event: whoever starts a server or
// saves a file is looking. The texts say what was found, what should be there and where.

#ifndef OD_BINDINGS_LOAD_H
#define OD_BINDINGS_LOAD_H

#include "base/error.h"

struct od_engine;

// As od_script.load; the engine knows objects and options.
OD_MUST_CHECK bool od_load_script(struct od_engine *engine, struct od_error *err);

#endif
