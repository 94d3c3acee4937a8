// The kinds of userdata a script can hold, and how their fields are found.
//
// All of a kind share one metatable, which scripts can neither see nor change. A field is a method,
// or else a property, or else an error: a misspelt name must not read as nil. Messages find in the
// metatable how the kind is named (__name: "a WebSocket").
//
// C functions recognise a kind by a word in front of the content, which is one address for each
// kind: scripts can write no addresses, so no other userdata can be taken for it.

#ifndef OD_ENGINE_USERDATA_H
#define OD_ENGINE_USERDATA_H

#include <lauxlib.h>

enum od_userdata {
    OD_USERDATA_STATE,
    OD_USERDATA_STORAGE,
    OD_USERDATA_TRANSACTION,
    OD_USERDATA_SQL,
    OD_USERDATA_CURSOR,
    OD_USERDATA_BLOB,
    OD_USERDATA_WEBSOCKET,
    OD_USERDATA_EVENT_STREAM,
    OD_USERDATA_NAMESPACE,
    OD_USERDATA_ID,
    OD_USERDATA_STUB,
    OD_USERDATA_ASSETS,
    OD_USERDATA_STREAM,
    OD_USERDATA_BODY,
    OD_USERDATA_PIPE,
    OD_USERDATA_COUNT,
};

struct od_userdata_kind { // What the engine keeps of each.
    int metatable_ref;    // 0: it is not defined yet.
    int methods_ref;
};

// Says what [kind] can do. [properties], called as (object, key) for what is no method, pushes one
// value or ends in od_userdata_no_field. Leaves the metatable on the stack, for the events of a
// kind (__eq, __tostring).
void od_userdata_define(lua_State *L, enum od_userdata kind, const luaL_Reg *methods,
                        lua_CFunction properties);

// More methods: from C, or from Lua: those of the table on top, popped, and whatever its metatable
// finds.
void od_userdata_add_functions(lua_State *L, enum od_userdata kind, const luaL_Reg *methods);
void od_userdata_add_table(lua_State *L, enum od_userdata kind);

// Pushes a table of the methods of all kinds: "state" -> { name -> function }.
void od_userdata_push_methods(lua_State *L);

int od_userdata_no_field(lua_State *L); // A lua_CFunction (object, key); always raises.

void *od_userdata_push(lua_State *L, enum od_userdata kind, size_t size); // Not initialised.

// The content of the userdata at [index], or NULL when it is not of that kind.
void *od_userdata_test(lua_State *L, int index, enum od_userdata kind);

// The same of the [memory] of any userdata that scripts can hold: also of a light one, which is
// NULL or leads to a word.
void *od_userdata_content(void *memory, enum od_userdata kind);

// The same for argument 1 of the method [call]; raises when it was called with a dot.
void *od_userdata_self(lua_State *L, enum od_userdata kind, const char *call);

#endif
