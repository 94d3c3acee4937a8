// The report of an error in a script: what, where, the line itself, and how one got there.
//
//   chat.lua:44: attempt to index local 't' (a nil value)
//     43 |   local t = self.room
//   > 44 |   t.name = "x"
//     45 | end
//     in function 'rename' (chat.lua:44)
//     called from webSocketMessage (chat.lua:12)
//
// It is for the author of the script: frames of the engine, of C and of open-do's own Lua are left
// out, and paths are relative to the script's folder. The way ends at the handler, also when that
// has left the stack by a tail call; the lines that can have been that call are shown then.

#ifndef OD_ENGINE_ERROR_REPORT_H
#define OD_ENGINE_ERROR_REPORT_H

#include <lua.h>

#include "base/bytes.h"

struct od_engine;

// How the engine came into the script.
struct od_error_entry {
    const char *name;   // "webSocketMessage".
    bool has_function;  // Whether it is known where it is defined.
    lua_Debug function; // That, from lua_getinfo's ">S".
};

struct od_error_report {
    struct od_bytes text;
    size_t message_bytes; // The text begins with the message alone.
    char file[80];        // Where it was, when that is a line of the script,
    int line;             // or 0.
};

void od_error_report_deinit(struct od_error_report *report); // Zeroed memory is a valid start.

// Of the error value on top of [L], a coroutine that has just failed with it; its frames are still
// there. Never raises.
void od_error_report_value(struct od_error_report *report, struct od_engine *engine, lua_State *L,
                           const struct od_error_entry *entry);

// Of a mistake without an error value. [L] is where it was made; NULL: the entry as a whole is at
// fault, and the message begins with its place.
void od_error_report_text(struct od_error_report *report, struct od_engine *engine, lua_State *L,
                          const struct od_error_entry *entry, const char *text);

// The handler of xpcall in the engine's own Lua, with the error value on top, which will be raised
// again: keeps the way to where it was raised. A report of that value then tells this way, until
// the coroutine stops next.
void od_error_report_note(lua_State *L);

od_slice od_error_report_message(const struct od_error_report *report);
od_slice od_error_report_whole(const struct od_error_report *report);

#endif
