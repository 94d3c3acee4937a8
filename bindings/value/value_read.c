#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "base/cursor.h"
#include "value/int64.h"
#include "value/json.h"
#include "value/value.h"
#include "value/value_format.h"

struct decoder {
    lua_State *L;
    struct od_cursor cursor;
    int depth;
};

static bool decode_value(struct decoder *decoder);

static uint64_t take_varint(struct od_cursor *cursor)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = od_cursor_u8(cursor);
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return number;
    }
    cursor->failed = true;
    return 0;
}

static bool decode_string(struct decoder *decoder, size_t size)
{
    od_slice text = od_cursor_bytes(&decoder->cursor, size);
    lua_pushlstring(decoder->L, text.size > 0 ? text.at : "", text.size);
    return !decoder->cursor.failed;
}

static bool decode_whole(struct decoder *decoder)
{
    uint64_t zigzag = take_varint(&decoder->cursor);
    lua_pushnumber(decoder->L, (double)(int64_t)((zigzag >> 1) ^ (0 - (zigzag & 1))));
    return !decoder->cursor.failed;
}

// A NaN of foreign bits could be mistaken by LuaJIT for one of its tagged values.
static bool decode_double(struct decoder *decoder)
{
    uint64_t bits = od_cursor_u64(&decoder->cursor);
    double number;
    memcpy(&number, &bits, sizeof number);
    lua_pushnumber(decoder->L, isnan(number) ? (double)NAN : number);
    return !decoder->cursor.failed;
}

static bool decode_int64(struct decoder *decoder, enum od_int64_kind kind)
{
    od_int64_push(decoder->L, kind, od_cursor_u64(&decoder->cursor));
    return !decoder->cursor.failed;
}

// Neither nil nor NaN, which Lua would raise about.
static bool is_key(lua_State *L, int index)
{
    int type = lua_type(L, index);
    return type == LUA_TSTRING ||
           (type == LUA_TNUMBER && lua_tonumber(L, index) == lua_tonumber(L, index));
}

static bool decode_fields(struct decoder *decoder, uint32_t items, uint32_t pairs)
{
    OD_ASSERT(lua_istable(decoder->L, -1));
    lua_State *L = decoder->L;
    int table = lua_gettop(L);
    for (uint32_t i = 1; i <= items; i++) {
        if (!decode_value(decoder))
            return false;
        lua_rawseti(L, table, (int)i);
    }
    for (uint32_t i = 0; i < pairs; i++) {
        if (!decode_value(decoder) || !is_key(L, -1) || !decode_value(decoder))
            return false;
        lua_rawset(L, table);
    }
    return true;
}

// The counts make the table at its final size; they are believed only as far as bytes follow.
static bool decode_table(struct decoder *decoder, bool is_wide, bool is_array)
{
    lua_State *L = decoder->L;
    struct od_cursor *cursor = &decoder->cursor;
    uint32_t items = is_wide ? od_cursor_u32(cursor) : od_cursor_u8(cursor);
    uint32_t pairs = is_wide ? od_cursor_u32(cursor) : od_cursor_u8(cursor);
    size_t left = (size_t)(cursor->end - cursor->at);
    if (cursor->failed || items > left || pairs > (left - items) / 2 || left > INT32_MAX)
        return false;
    if (decoder->depth == OD_VALUE_DEPTH_MAX || !lua_checkstack(L, 8))
        return false;
    decoder->depth++;
    OD_ASSERT(decoder->depth <= OD_VALUE_DEPTH_MAX);
    lua_createtable(L, (int)items, (int)pairs);
    if (!decode_fields(decoder, items, pairs))
        return false;
    if (is_array)
        od_json_mark_array(L, -1);
    decoder->depth--;
    return true;
}

static bool decode_boolean(struct decoder *decoder, bool value)
{
    lua_pushboolean(decoder->L, value);
    return true;
}

static bool decode_null(struct decoder *decoder)
{
    lua_pushlightuserdata(decoder->L, NULL);
    return true;
}

static bool decode_tagged(struct decoder *decoder, uint8_t tag)
{
    switch ((enum od_tag)tag) {
    case OD_TAG_NULL:
        return decode_null(decoder);
    case OD_TAG_FALSE:
    case OD_TAG_TRUE:
        return decode_boolean(decoder, tag == OD_TAG_TRUE);
    case OD_TAG_WHOLE:
        return decode_whole(decoder);
    case OD_TAG_DOUBLE:
        return decode_double(decoder);
    case OD_TAG_SIGNED:
        return decode_int64(decoder, OD_INT64_SIGNED);
    case OD_TAG_UNSIGNED:
        return decode_int64(decoder, OD_INT64_UNSIGNED);
    case OD_TAG_STRING:
        return decode_string(decoder, take_varint(&decoder->cursor));
    case OD_TAG_TABLE:
    case OD_TAG_TABLE32:
    case OD_TAG_ARRAY:
    case OD_TAG_ARRAY32:
        return decode_table(decoder, tag == OD_TAG_TABLE32 || tag == OD_TAG_ARRAY32,
                            tag >= OD_TAG_ARRAY);
    default:
        return false;
    }
}

static bool decode_value(struct decoder *decoder)
{
    uint8_t tag = od_cursor_u8(&decoder->cursor);
    if (decoder->cursor.failed)
        return false;
    if (tag >= OD_TAG_SHORT && tag < OD_TAG_SHORT_END)
        return decode_string(decoder, (size_t)tag - OD_TAG_SHORT);
    return decode_tagged(decoder, tag);
}

bool od_value_decode(lua_State *L, od_slice bytes, struct od_error *err)
{
    struct decoder decoder = {L, od_cursor_of(bytes), 0};
    int top = lua_gettop(L);
    if (od_cursor_u8(&decoder.cursor) != OD_VALUE_FORMAT)
        return od_error_set(err, bytes.size == 0 ? "the value is empty, it must have a format byte"
                                                 : "the value has an unknown format");
    if (decode_value(&decoder) && od_cursor_at_end(&decoder.cursor) && !decoder.cursor.failed) {
        OD_ASSERT(lua_gettop(L) == top + 1);
        OD_ASSERT(decoder.depth == 0);
        return true;
    }
    lua_settop(L, top);
    return od_error_set(err, "the value is damaged at byte %zu of %zu",
                        (size_t)(decoder.cursor.at - bytes.at), bytes.size);
}

// The values of a list; false with some of them pushed.
static bool decode_list(struct decoder *decoder, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const char *at = decoder->cursor.at;
        if (at < decoder->cursor.end && (uint8_t)*at == OD_TAG_NIL) {
            od_cursor_u8(&decoder->cursor);
            lua_pushnil(decoder->L);
        } else if (!decode_value(decoder)) {
            return false;
        }
    }
    return od_cursor_at_end(&decoder->cursor) && !decoder->cursor.failed;
}

int od_values_decode(lua_State *L, od_slice bytes, struct od_error *err)
{
    struct decoder decoder = {L, od_cursor_of(bytes), 0};
    int top = lua_gettop(L);
    bool is_known = od_cursor_u8(&decoder.cursor) == OD_VALUE_FORMAT;
    uint64_t count = take_varint(&decoder.cursor);
    bool fits = is_known && count <= bytes.size && lua_checkstack(L, (int)count + 8);
    if (fits && decode_list(&decoder, count))
        return (int)count;
    lua_settop(L, top);
    od_error_set(err, "the list of values is damaged at byte %zu of %zu",
                 (size_t)(decoder.cursor.at - bytes.at), bytes.size);
    return -1;
}
