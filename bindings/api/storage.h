// `storage`: the values of an object, through runtime/store.
//
// Checks and encoding come first, writing last: a call that raises has written nothing. list's walk
// is in api/storage_list.c, alarms are in api/storage_alarm.c, schedules in api/storage_schedule.c,
// bookmarks in api/storage_bookmark.c.

#ifndef OD_API_STORAGE_H
#define OD_API_STORAGE_H

#include <lauxlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "engine/handle.h"
#include "object/object.h"

void od_lib_storage_open(lua_State *L); // Once a state.

void od_storage_push(lua_State *L, od_handle instance);

// What the userdata of a transaction holds (api/transaction.h). It is known here because `txn` has
// the methods of storage.
struct od_txn {
    od_handle instance;
    uint64_t number;
};

// The object of the storage, or of the transaction, that is the argument before the first of the
// method [call]. Raises when that transaction is rolled back or over.
struct od_object *od_storage_self(lua_State *L, const char *call);

OD_NORETURN void od_txn_raise_over(lua_State *L, const char *call);

// The key at [index], which may be negative: a string that is not too long. [what] is said of it
// when it is not: "argument 1".
od_slice od_check_key(lua_State *L, int index, const char *call, const char *what);

// Pushes a stored value; raises, in the name of [call], when it cannot be read.
void od_stored_push(lua_State *L, od_slice key, od_slice value, const char *call);

// The options of a write at [index], which may be none: whether effects need not wait for it.
bool od_check_unconfirmed(lua_State *L, int index, const char *call);

// What a transaction offers as well (api/transaction.h).
extern const luaL_Reg od_storage_value_methods[];
extern const luaL_Reg od_storage_alarm_methods[];    // api/storage_alarm.c
extern const luaL_Reg od_storage_schedule_methods[]; // api/storage_schedule.c

extern const luaL_Reg od_storage_bookmark_methods[]; // api/storage_bookmark.c; only of a storage.
void od_storage_put_bookmarks(lua_State *L);         // native.bookmarks, for lua/engine/calls.lua.

void od_storage_put_list(lua_State *L); // native.list, for lua/engine/list.lua.

// The number at [index], [what], as a moment in milliseconds since 1970; parts of one are rounded
// up, so that nothing is early.
od_time_ms od_check_moment(lua_State *L, int index, const char *call, const char *what);

#endif
