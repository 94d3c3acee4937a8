// storage:getCurrentBookmark, getBookmarkForTime, onNextSessionRestoreBookmark: the object as it
// was (object/rewind.h). What waits ends in lua/engine/calls.lua.

#include "api/storage.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/rewind.h"
#include "value/raise.h"

// sync(storage, call): waits until what was written is on disk.
static int sync_for(lua_State *L)
{
    const char *call = lua_tostring(L, 2);
    od_storage_self(L, call);
    od_wait_prepare(L, call);
    return od_wait_yield(L, OD_WAIT_SYNC);
}

// current(storage, call)
static int current(lua_State *L)
{
    const char *call = lua_tostring(L, 2);
    char text[OD_BOOKMARK_BYTES];
    struct od_error err;
    if (!od_rewind_now(od_storage_self(L, call), text, &err))
        od_raise(L, "%s: %s", call, err.text);
    lua_pushstring(L, text);
    return 1;
}

static int for_time(lua_State *L)
{
    static const char call[] = "getBookmarkForTime";
    const struct od_object *object = od_storage_self(L, call);
    char text[OD_BOOKMARK_BYTES];
    struct od_error err;
    if (lua_type(L, 2) != LUA_TNUMBER)
        od_raise_argument(L, 2, call, "a number of milliseconds since 1970 (od.now())");
    if (!od_rewind_at(object, od_check_moment(L, 2, call, "argument 1"), text, &err))
        od_raise(L, "%s: %s", call, err.text);
    lua_pushstring(L, text);
    return 1;
}

// wish(storage, bookmark): and waits until it is on disk.
static int wish(lua_State *L)
{
    static const char call[] = "onNextSessionRestoreBookmark";
    struct od_object *object = od_storage_self(L, call);
    struct od_error err;
    if (lua_type(L, 2) != LUA_TSTRING)
        od_raise_argument(L, 2, call, "a bookmark");
    if (object->work->transaction != NULL)
        od_raise(L, "Cannot call %s() within a transaction", call);
    od_wait_prepare(L, call);
    if (!od_rewind_wish(object, od_check_string(L, 2, call), &err))
        od_raise(L, "%s: %s", call, err.text);
    return od_wait_yield(L, OD_WAIT_SYNC);
}

const luaL_Reg od_storage_bookmark_methods[] = {{"getBookmarkForTime", for_time}, {NULL, NULL}};

void od_storage_put_bookmarks(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"current", current}, {"sync", sync_for}, {"wish", wish}, {NULL, NULL}};
    od_embedded_put_native(L, "bookmarks", functions);
}
