// The frames of a script's own code on a stack, from where an error was raised to where the handler
// began; those of the engine, of C and of open-do's own Lua are left out.
//
// Lua looks for each level from the top, so a walk over all of a deep recursion would take the
// square of its depth: what lies in the middle of one is passed over.
//
// Order: begin with {.L = ...}. A copy goes on from the same frame.

#ifndef OD_ENGINE_FRAMES_H
#define OD_ENGINE_FRAMES_H

#include <stdbool.h>

#include <lua.h>

struct od_frames {
    lua_State *L;
    int level;  // The next one.
    int at;     // The last one.
    int passed; // So many were passed over.
};

// The next one, from lua_getinfo's "nSl". False: there is none.
bool od_frames_next(struct od_frames *frames, lua_Debug *frame);

// Says how often [frame], the last one, was there in a row, and moves to the last of them: a
// recursion without end is one line, not a thousand.
int od_frames_skip_repeated(struct od_frames *frames, const lua_Debug *frame);

#endif
