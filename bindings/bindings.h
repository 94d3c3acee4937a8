// The engine that runs Lua scripts, as the rest of the program sees it: a filled-in od_script.
//
// Process: worker, or main for `open-do check`. Thread: the loop's.
// Owner: who made it; `close` of the script frees everything, the script included.

#ifndef OD_BINDINGS_BINDINGS_H
#define OD_BINDINGS_BINDINGS_H

#include "object/script.h"

// What the code of one worker may take of memory is an option (script_memory_mb). Beyond it a
// script gets the Lua error "not enough memory", which it can catch; the engine itself may go
// beyond.
struct od_script *od_bindings_new(void);

#endif
