// The memory of one Lua state, counted and capped.
//
// The cap is for scripts alone. Only while one runs is it enforced, and then running into it is an
// ordinary Lua error. What the engine allocates between two runs (arguments, reports of errors)
// succeeds or ends the process, as everywhere in open-do: so the code that enters Lua needs no
// protected call around each push, and the cap can be missed by no more than one event's arguments.
//
// The collector knows nothing of the cap: it would let garbage grow to twice of what is in use. So
// it is told to hurry when half of the cap is in use, and a refusal brings a full collection: some
// instructions later, when code that caught the error has let go of what it had, or at the end of
// the handler. Until then there is a little grace, or that code could not even say what happened.
//
// When even a collection makes no room, what is in use is in use by instances, or by the script
// itself. An instance is a cache: the one whose event ran into the cap is reset (run.c), then idle
// ones are put to sleep, and what is left then is the script's own (worker.c).
//
// Owner: embedded in struct od_engine; the state is closed first.

#ifndef OD_ENGINE_MEMORY_H
#define OD_ENGINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "engine/blocks.h"

struct od_memory {
    size_t used;
    size_t limit;
    size_t grace;   // Beyond the limit, since a refusal; 0 while there was none.
    bool is_capped; // A script runs.
    bool is_tight;  // A refusal came, and nobody has looked since whether there is room again.
    lua_State *L;   // The state; NULL while it is being made.
    struct od_blocks blocks;
};

void od_memory_init(struct od_memory *memory); // Without a limit.
void od_memory_deinit(struct od_memory *memory);

// A lua_Alloc; [memory] is a struct od_memory.
void *od_memory_allocate(void *memory, void *at, size_t old_size, size_t new_size);

// After a script has run: makes up for a refusal.
void od_memory_recover(struct od_memory *memory);

// Whether the last collection has made no room; after a refusal only, so mostly it costs nothing.
bool od_memory_is_full(const struct od_memory *memory);

// The same when what was in use may have gone: collects before it looks.
bool od_memory_stays_full(struct od_memory *memory);

// Between two turns: how fast the collector works, by what is in use.
void od_memory_settle(struct od_memory *memory);

#endif
