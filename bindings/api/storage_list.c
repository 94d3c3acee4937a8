// storage:list: a snapshot of the pairs in a range, and the walk through it.
//
// The snapshot is one block of encoded pairs inside a userdata, so it counts as memory of the
// script and goes when the loop is over. A value is decoded when its turn comes.

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "api/storage.h"
#include "engine/engine.h"
#include "value/raise.h"

struct snapshot {
    size_t at; // The next pair.
    size_t size;
    char pairs[]; // (str key, str value)*
};

static bool check_bound(lua_State *L, const char *name, od_slice *bound)
{
    *bound = (od_slice){"", 0};
    if (!od_option(L, 2, "list", name, LUA_TSTRING))
        return false;
    *bound = od_check_key(L, -1, "list", name); // The table of options keeps it.
    lua_pop(L, 1);
    return true;
}

static uint64_t check_limit(lua_State *L)
{
    if (!od_option(L, 2, "list", "limit", LUA_TNUMBER))
        return 0;
    double limit = lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (!(limit > 0))
        od_raise(L, "List limit must be positive.");
    if (limit != floor(limit))
        od_raise(L, "list: option 'limit' must be a whole number");
    return limit > 1e15 ? 0 : (uint64_t)limit;
}

static struct od_range check_range(lua_State *L)
{
    static const char *const names[] = {"prefix",  "start", "startAfter",       "end",
                                        "reverse", "limit", "allowConcurrency", "noCache",
                                        NULL};
    struct od_range range = {.limit = 0};
    if (!od_check_options(L, 2, "list"))
        return range;
    od_check_option_names(L, 2, "list", names);
    check_bound(L, "prefix", &range.prefix);
    range.has_start = check_bound(L, "start", &range.start);
    range.has_start_after = check_bound(L, "startAfter", &range.start_after);
    range.has_end = check_bound(L, "end", &range.end);
    if (range.has_start && range.has_start_after)
        od_raise(L, "list() cannot be called with both start and startAfter values.");
    range.reverse = od_option_flag(L, 2, "list", "reverse");
    range.limit = check_limit(L);
    return range;
}

static void push_snapshot(lua_State *L, const struct od_bytes *pairs)
{
    struct snapshot *snapshot = lua_newuserdata(L, sizeof *snapshot + pairs->size);
    snapshot->at = 0;
    snapshot->size = pairs->size;
    if (pairs->size > 0)
        memcpy(snapshot->pairs, pairs->at, pairs->size);
}

// The iterator; its upvalue is the snapshot.
static int next_pair(lua_State *L)
{
    struct snapshot *snapshot = lua_touserdata(L, lua_upvalueindex(1));
    od_slice left = {snapshot->pairs + snapshot->at, snapshot->size - snapshot->at};
    if (left.size == 0)
        return 0;
    struct od_cursor cursor = od_cursor_of(left);
    od_slice key = od_cursor_string(&cursor);
    od_slice value = od_cursor_string(&cursor);
    OD_ASSERT(!cursor.failed);
    snapshot->at = (size_t)(cursor.at - snapshot->pairs);
    lua_pushlstring(L, key.at, key.size);
    od_stored_push(L, key, value, "list");
    return 2;
}

int od_storage_list_values(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "list");
    struct od_range range = check_range(L);
    struct od_bytes *pairs = od_engine_scratch(od_engine_of(L));
    uint64_t count;
    struct od_error err;
    if (!od_storage_list(&object->storage, &range, pairs, &count, &err))
        od_raise(L, "list: %s", err.text);
    push_snapshot(L, pairs);
    lua_pushcclosure(L, next_pair, 1);
    return 1;
}
