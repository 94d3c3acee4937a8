// storage:list: a snapshot of the pairs in a range, and the walk through it.
//
// The snapshot is encoded pairs inside a userdata, or in several when it is large, so it counts as
// memory of the script and goes when the loop is over. A value is decoded when its turn comes.
//
// A large one is read, and gone through, in parts, between which other objects have a go: the task
// waits, in a section (object/section.h), so that nothing of its own object can tell. It does not
// where a wait would end what belongs together: when the stretch has written something. C cannot go
// on after a yield, so lua/engine/list.lua goes from part to part.

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "api/storage.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "object/section.h"
#include "value/raise.h"

struct piece {
    size_t at; // The next pair.
    size_t size;
    bool begins_part;
    char pairs[]; // (str key, str value)*
};

// What is left of one that is large. Tables and strings of the script may go meanwhile.
struct reading {
    struct od_list_pieces pieces;
    char bounds[]; // Of its range.
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

static void push_piece(lua_State *L, const struct od_bytes *pairs, bool begins_part)
{
    struct piece *piece = lua_newuserdata(L, sizeof *piece + pairs->size);
    piece->at = 0;
    piece->size = pairs->size;
    piece->begins_part = begins_part;
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

// The iterator. Behind key and value it says whether they are the first of a part.
static int next_pair(lua_State *L)
{
    struct piece *piece = lua_touserdata(L, lua_upvalueindex(PIECE));
    bool begins_part = false;
    if (piece->at == piece->size) {
        if (!begin_piece(L))
            return 0;
        piece = lua_touserdata(L, lua_upvalueindex(PIECE));
        begins_part = piece->begins_part;
    }
    struct od_cursor cursor =
        od_cursor_of((od_slice){piece->pairs + piece->at, piece->size - piece->at});
    od_slice key = od_cursor_string(&cursor);
    od_slice value = od_cursor_string(&cursor);
    OD_ASSERT(!cursor.failed);
    piece->at = (size_t)(cursor.at - piece->pairs);
    lua_pushlstring(L, key.at, key.size);
    od_stored_push(L, key, value, "list");
    if (!begins_part)
        return 2;
    lua_pushboolean(L, true);
    return 3;
}

// Returns its size.
static size_t push_next_piece(lua_State *L, struct od_object *object, struct od_list_pieces *pieces,
                              bool begins_part)
{
    struct od_bytes *pairs = od_engine_scratch(od_engine_of(L));
    struct od_error err;
    if (!od_storage_list_piece(&object->storage, pieces, pairs, &err))
        od_raise(L, "list: %s", err.text);
    push_piece(L, pairs, begins_part);
    return pairs->size;
}

static void push_reading(lua_State *L, const struct od_list_pieces *pieces)
{
    size_t size = pieces->range.prefix.size + pieces->range.start.size +
                  pieces->range.start_after.size + pieces->range.end.size;
    struct reading *reading = lua_newuserdata(L, sizeof *reading + size);
    reading->pieces = *pieces;
    struct od_range *range = &reading->pieces.range;
    od_slice *const bounds[] = {&range->prefix, &range->start, &range->start_after, &range->end};
    char *at = reading->bounds;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        if (bounds[i]->size > 0)
            memcpy(at, bounds[i]->at, bounds[i]->size);
        bounds[i]->at = at;
        at += bounds[i]->size;
    }
}

// begin(storage, options): the iterator; and, when there is more than a piece, an array for the
// others, and what `read_on` needs.
static int begin(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "list");
    struct od_range range = check_range(L);
    struct od_list_pieces pieces;
    od_list_pieces_init(&pieces, &range);
    push_next_piece(L, object, &pieces, false);
    if (pieces.is_over)
        lua_pushnil(L);
    else
        lua_newtable(L);
    int others = lua_gettop(L);
    lua_pushvalue(L, others - 1);
    lua_pushvalue(L, others);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, COUNT);
    if (pieces.is_over)
        return 1;
    lua_pushvalue(L, others);
    push_reading(L, &pieces);
    return 3;
}

// read_on(storage, others, reading): reads a part. Returns whether there is more.
static int read_on(lua_State *L)
{
    struct od_object *object = od_storage_self(L, "list");
    struct reading *reading = lua_touserdata(L, 3);
    int place = (int)lua_objlen(L, 2);
    size_t bytes = 0;
    for (size_t i = 0; i < OD_STORE_LIST_PART_PIECES && bytes < OD_STORE_LIST_PART_BYTES &&
                       !reading->pieces.is_over;
         i++) {
        bytes += push_next_piece(L, object, &reading->pieces, i == 0);
        lua_rawseti(L, 2, ++place);
    }
    lua_pushboolean(L, !reading->pieces.is_over);
    return 1;
}

// Only in the task's own coroutine: one of the script may be inside of what cannot yield.
static bool may_pause(lua_State *L, const struct od_task *task)
{
    if (task == NULL || od_object_is_entry(task->object))
        return false;
    const struct od_coroutine *coroutine = task->thread;
    return coroutine->L == L && lua_isyieldable(L) &&
           !od_storage_would_seal(&task->object->storage);
}

// enter(): the number for section.leave, or nothing: it is no time for a pause.
static int enter(lua_State *L)
{
    struct od_task *task = od_engine_of(L)->task;
    uint64_t number = may_pause(L, task) ? od_section_enter(task, "list") : 0;
    if (number == 0)
        return 0;
    lua_pushnumber(L, (lua_Number)number);
    return 1;
}

static int wait(lua_State *L)
{
    od_wait_prepare(L, "list")->ms = 0;
    return od_wait_yield(L, OD_WAIT_SLEEP);
}

void od_storage_put_list(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"begin", begin}, {"read_on", read_on}, {"enter", enter}, {"wait", wait}, {NULL, NULL}};
    od_embedded_put_native(L, "list", functions);
}
