// storage:list: a snapshot of the pairs in a range, and the walk through it.
//
// The snapshot is encoded pairs inside a userdata, or in several when it is large, so it counts as
// memory of the script and goes when the loop is over. A value is decoded when its turn comes.

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "api/storage.h"
#include "engine/engine.h"
#include "value/raise.h"

struct piece {
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

enum upvalue {
    PIECE = 1, // Whose pairs come now;
    PIECES,    // an array of those behind it, or nil,
    COUNT,     // and how many of these were begun.
};

static void push_piece(lua_State *L, const struct od_bytes *pairs)
{
    struct piece *piece = lua_newuserdata(L, sizeof *piece + pairs->size);
    piece->at = 0;
    piece->size = pairs->size;
    if (pairs->size > 0)
        memcpy(piece->pairs, pairs->at, pairs->size);
}

// From here on the one before is garbage.
static bool begin_piece(lua_State *L)
{
    int place = (int)lua_tointeger(L, lua_upvalueindex(COUNT)) + 1;
    if (lua_isnil(L, lua_upvalueindex(PIECES)))
        return false;
    lua_rawgeti(L, lua_upvalueindex(PIECES), place);
    if (lua_isnil(L, -1))
        return false;
    lua_replace(L, lua_upvalueindex(PIECE));
    lua_pushnil(L);
    lua_rawseti(L, lua_upvalueindex(PIECES), place);
    lua_pushinteger(L, place);
    lua_replace(L, lua_upvalueindex(COUNT));
    return true;
}

// The iterator.
static int next_pair(lua_State *L)
{
    struct piece *piece = lua_touserdata(L, lua_upvalueindex(PIECE));
    if (piece->at == piece->size) {
        if (!begin_piece(L))
            return 0;
        piece = lua_touserdata(L, lua_upvalueindex(PIECE));
    }
    struct od_cursor cursor =
        od_cursor_of((od_slice){piece->pairs + piece->at, piece->size - piece->at});
    od_slice key = od_cursor_string(&cursor);
    od_slice value = od_cursor_string(&cursor);
    OD_ASSERT(!cursor.failed);
    piece->at = (size_t)(cursor.at - piece->pairs);
    lua_pushlstring(L, key.at, key.size);
    od_stored_push(L, key, value, "list");
    return 2;
}

static void push_next_piece(lua_State *L, struct od_object *object, struct od_list_pieces *pieces)
{
    struct od_bytes *pairs = od_engine_scratch(od_engine_of(L));
    struct od_error err;
    if (!od_storage_list_piece(&object->storage, pieces, pairs, &err))
        od_raise(L, "list: %s", err.text);
    push_piece(L, pairs);
}

int od_storage_list_values(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "list");
    struct od_range range = check_range(L);
    struct od_list_pieces pieces;
    od_list_pieces_init(&pieces, &range);
    push_next_piece(L, object, &pieces);
    if (pieces.is_over)
        lua_pushnil(L);
    else
        lua_newtable(L);
    for (int place = 1; !pieces.is_over; place++) {
        push_next_piece(L, object, &pieces);
        lua_rawseti(L, -2, place);
    }
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, COUNT);
    return 1;
}
