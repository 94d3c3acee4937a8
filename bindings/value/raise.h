// Errors for mistakes of a script, raised where the script made them.
//
// The position in front of a message is that of the nearest code of the script: frames of C and of
// open-do's own Lua are passed over, so a misuse of an API never points into the API. Messages name
// the function, then what was wrong: "getTags: argument 1 must be a WebSocket, got a string".
//
// These never return: no resource may be held around them. They are for methods, called with a
// colon: index 2 is argument 1.

#ifndef OD_VALUE_RAISE_H
#define OD_VALUE_RAISE_H

#include <stdbool.h>

#include <lua.h>

#include "base/check.h"
#include "base/error.h"
#include "base/slice.h"

OD_NORETURN void od_raise(lua_State *L, const char *format, ...) OD_PRINTF(2, 3);

// [wanted] as in "a string".
OD_NORETURN void od_raise_argument(lua_State *L, int index, const char *call, const char *wanted);

// [word] is none of [names], which ends with NULL: "[what] 'tags'; did you mean 'tag'?"
void od_unknown_set(struct od_error *err, const char *what, const char *word,
                    const char *const *names);
OD_NORETURN void od_raise_unknown(lua_State *L, const char *what, const char *word,
                                  const char *const *names);

// For functions of the library, called with a dot: index 1 is argument 1. A number is its text.
od_slice od_check_bytes(lua_State *L, int index, const char *call);

// The type of a value in a sentence: "a string", "nil", "a WebSocket".
const char *od_describe(lua_State *L, int index);

// Arguments of [call]. A slice is valid while the value is on the stack.
od_slice od_check_string(lua_State *L, int index, const char *call);
bool od_check_flag(lua_State *L, int index, const char *call);     // A boolean; nil is false.
double od_check_number(lua_State *L, int index, const char *call); // Not NaN.
void od_check_function(lua_State *L, int index, const char *call);
bool od_check_options(lua_State *L, int index, const char *call); // A table; nil: false.

// A field of the options at [index], pushed. False, with nothing pushed, when it is nil; raises
// when it is not of [type].
bool od_option(lua_State *L, int index, const char *call, const char *name, int type);
bool od_option_flag(lua_State *L, int index, const char *call, const char *name);

// Raises when the options at [index] have another key than those of [names], which ends with NULL.
void od_check_option_names(lua_State *L, int index, const char *call, const char *const *names);

#endif
