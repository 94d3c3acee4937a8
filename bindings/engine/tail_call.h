// Functions that have left the stack by a tail call, `return f(...)`, before what they called ran.
//
// LuaJIT keeps nothing of them, so an error there has no line. What can still be told: a line on
// the stack says by which name it called what runs above it; when that name is another function of
// the script, that one has gone by a tail call. Which of its lines that can have been, its text
// says.

#ifndef OD_ENGINE_TAIL_CALL_H
#define OD_ENGINE_TAIL_CALL_H

#include <lua.h>

#include "base/slice.h"
#include "engine/sources.h"

// The next line of [function] (of lua_getinfo's ">S") behind [line] that may be a tail call; 0:
// none. To begin with, [line] is one before where it is defined.
int od_tail_call_next(const struct od_source *source, const lua_Debug *function, int line,
                      od_slice *text);

// How many there are.
int od_tail_call_count(const struct od_source *source, const lua_Debug *function);

// Whether a function of the script has gone between the frame at [level] of [L], a script's that is
// at [line], and the one above. Fills [function] as lua_getinfo's ">S" does, and its name as it was
// called.
bool od_tail_call_lost(lua_State *L, int level, od_slice line, lua_Debug *function);

#endif
