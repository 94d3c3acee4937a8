#include "value/json_write.h"

#include <math.h>

#include <lauxlib.h>

#include "base/utf8.h"
#include "value/int64.h"
#include "value/json.h"
#include "value/number.h"
#include "value/walk.h"

struct writer {
    lua_State *L;
    struct od_bytes *out;
    size_t size_max; // Of [out].
    enum od_json_style style;
    struct od_walk walk;
};

static bool write_value(struct writer *writer, int index);

static bool has_room(struct writer *writer, size_t extra)
{
    if (extra <= OD_JSON_BYTES_MAX && writer->out->size + extra <= writer->size_max)
        return true;
    return od_walk_fail(&writer->walk, "cannot encode more than %u bytes of JSON",
                        OD_JSON_BYTES_MAX);
}

// What a byte needs inside a string: 0 nothing, ESCAPE_CODE a \u00xx, BEYOND_ASCII a look at the
// bytes after it, else the letter behind the backslash. The rows not here are 0.
enum {
    ESCAPE_CODE = 1,
    BEYOND_ASCII = 2
};

static const char needs[256] = {
    [0x00 ... 0x07] = ESCAPE_CODE,
    [0x0b] = ESCAPE_CODE,
    [0x0e ... 0x1f] = ESCAPE_CODE,
    ['\b'] = 'b',
    ['\t'] = 't',
    ['\n'] = 'n',
    ['\f'] = 'f',
    ['\r'] = 'r',
    ['"'] = '"',
    ['\\'] = '\\',
    [0x80 ... 0xff] = BEYOND_ASCII,
};

static void put_escape(struct od_bytes *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    OD_ASSERT(needs[byte] != 0);
    if (needs[byte] != ESCAPE_CODE) {
        od_bytes_put(out, (char[2]){'\\', needs[byte]}, 2);
        return;
    }
    char code[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    od_bytes_put(out, code, sizeof code);
}

// The bytes from [at] that can be copied as they are. What stands behind them is the end, something
// to escape, or no UTF-8.
static size_t plain_run(const char *at, size_t left)
{
    size_t run = 0;
    while (run < left) {
        char need = needs[(unsigned char)at[run]];
        if (need == 0) {
            run++;
            continue;
        }
        size_t size = need == BEYOND_ASCII ? od_utf8_size(at + run, left - run) : 0;
        if (size == 0)
            break;
        run += size;
    }
    return run;
}

static bool write_text(struct writer *writer, const char *at, size_t left)
{
    struct od_bytes *out = writer->out;
    while (left > 0) {
        size_t run = plain_run(at, left);
        od_bytes_put(out, at, run);
        at += run;
        left -= run;
        if (left == 0)
            break;
        if (needs[(unsigned char)*at] == BEYOND_ASCII)
            return od_walk_fail(&writer->walk, "cannot encode a string that is not UTF-8");
        put_escape(out, (unsigned char)*at);
        at++;
        left--;
    }
    return true;
}

static bool write_string(struct writer *writer, int index)
{
    size_t size;
    const char *text = lua_tolstring(writer->L, index, &size);
    if (!has_room(writer, size + 2))
        return false;
    od_bytes_reserve(writer->out, size + 2);
    od_bytes_put_u8(writer->out, '"');
    if (!write_text(writer, text, size))
        return false;
    od_bytes_put_u8(writer->out, '"');
    return has_room(writer, 0); // Escapes may have made it six times as long.
}

static bool write_literal(struct writer *writer, od_slice text)
{
    od_bytes_put_slice(writer->out, text);
    return has_room(writer, 0);
}

static bool write_boolean(struct writer *writer, int index)
{
    bool value = lua_toboolean(writer->L, index);
    return write_literal(writer, value ? OD_SLICE("true") : OD_SLICE("false"));
}

static bool write_number(struct writer *writer, int index)
{
    double number = lua_tonumber(writer->L, index);
    if (isnan(number))
        return od_walk_fail(&writer->walk, "cannot encode NaN");
    if (isinf(number))
        return od_walk_fail(&writer->walk, "cannot encode an infinite number");
    char *place = od_bytes_reserve(writer->out, OD_NUMBER_BYTES_MAX);
    writer->out->size += od_number_put(place, number);
    return has_room(writer, 0);
}

static bool write_cdata(struct writer *writer, int index)
{
    enum od_int64_kind kind = od_int64_kind(writer->L, index);
    if (kind == OD_INT64_NONE)
        return od_walk_fail_type(&writer->walk, writer->L, index);
    uint64_t bits = od_int64_bits(writer->L, index);
    char *place = od_bytes_reserve(writer->out, OD_NUMBER_BYTES_MAX);
    writer->out->size += kind == OD_INT64_SIGNED ? od_number_put_signed(place, (int64_t)bits)
                                                 : od_number_put_unsigned(place, bits);
    return has_room(writer, 0);
}

static void *const empty_array; // A word: see od_userdata_content.

void *od_json_empty_array(void)
{
    return (void *)(uintptr_t)&empty_array;
}

static bool write_null(struct writer *writer, int index)
{
    if (lua_touserdata(writer->L, index) == &empty_array)
        return write_literal(writer, OD_SLICE("[]"));
    if (lua_touserdata(writer->L, index) != NULL)
        return od_walk_fail_type(&writer->walk, writer->L, index);
    return write_literal(writer, OD_SLICE("null"));
}

// Whether the keys of the table at [index] are 1 .. [count] and nothing else. Looked at before any
// content is written: to notice it later and begin again would be 2^depth work.
static bool count_items(struct writer *writer, int index, int *count)
{
    lua_State *L = writer->L;
    double largest = 0;
    lua_pushnil(L);
    for (*count = 0; lua_next(L, index) != 0; ++*count) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TNUMBER)
            return od_walk_fail(&writer->walk, "cannot encode a table with number and %s keys",
                                lua_typename(L, lua_type(L, -1)));
        double key = lua_tonumber(L, -1);
        if (key < 1 || key != floor(key))
            return od_walk_fail(&writer->walk, "cannot encode the key %.14g of a table", key);
        largest = key > largest ? key : largest;
    }
    if (largest != *count)
        return od_walk_fail(&writer->walk, "cannot encode a sparse array (%d of %.14g items)",
                            *count, largest);
    return true;
}

static bool write_items(struct writer *writer, int index)
{
    lua_State *L = writer->L;
    int count;
    if (!count_items(writer, index, &count))
        return false;
    for (int i = 1; i <= count; i++) {
        od_bytes_put_u8(writer->out, i == 1 ? '[' : ',');
        lua_rawgeti(L, index, i);
        if (!write_value(writer, lua_gettop(L))) {
            lua_pushinteger(L, i);
            return od_walk_below(&writer->walk, L, -1);
        }
        lua_pop(L, 1);
    }
    od_bytes_put_u8(writer->out, ']');
    return has_room(writer, 0);
}

// The first key and value are on top of the stack.
static bool write_fields(struct writer *writer, int index)
{
    lua_State *L = writer->L;
    int key = lua_gettop(L) - 1;
    char before = '{';
    do {
        int type = lua_type(L, key);
        if (type != LUA_TSTRING)
            return od_walk_fail(&writer->walk, "cannot encode a table with string and %s keys",
                                lua_typename(L, type));
        od_bytes_put_u8(writer->out, (uint8_t)before);
        before = ',';
        if (!write_string(writer, key))
            return false;
        od_bytes_put_u8(writer->out, ':');
        if (!write_value(writer, key + 1))
            return od_walk_below(&writer->walk, L, key);
        lua_settop(L, key);
    } while (lua_next(L, index) != 0);
    od_bytes_put_u8(writer->out, '}');
    return has_room(writer, 0);
}

// Metatables are not asked: what is written is what is in the table. The first key decides, and it
// must be right about the others.
static bool write_content(struct writer *writer, int index)
{
    lua_State *L = writer->L;
    bool is_array = od_json_is_array(L, index);
    lua_pushnil(L);
    if (lua_next(L, index) == 0) {
        is_array = is_array || writer->style == OD_JSON_EMPTY_IS_ARRAY;
        return write_literal(writer, is_array ? OD_SLICE("[]") : OD_SLICE("{}"));
    }
    int type = lua_type(L, -2);
    if (type == LUA_TNUMBER) {
        lua_pop(L, 2);
        return write_items(writer, index);
    }
    if (type != LUA_TSTRING)
        return od_walk_fail(&writer->walk, "cannot encode a table with a %s as key",
                            lua_typename(L, type));
    if (is_array)
        return od_walk_fail(&writer->walk, "cannot encode an array with string keys");
    return write_fields(writer, index);
}

static bool write_table(struct writer *writer, int index)
{
    if (!od_walk_enter(&writer->walk, writer->L, index))
        return false;
    if (!write_content(writer, index))
        return false;
    od_walk_leave(&writer->walk);
    return true;
}

typedef bool write_fn(struct writer *writer, int index);

static write_fn *const writers[OD_LUA_TCDATA + 1] = {
    [LUA_TBOOLEAN] = write_boolean, [LUA_TLIGHTUSERDATA] = write_null,
    [LUA_TNUMBER] = write_number,   [LUA_TSTRING] = write_string,
    [LUA_TTABLE] = write_table,     [OD_LUA_TCDATA] = write_cdata,
};

static bool write_value(struct writer *writer, int index)
{
    int type = lua_type(writer->L, index);
    OD_ASSERT(type <= OD_LUA_TCDATA);
    write_fn *write = type < 0 ? NULL : writers[type];
    if (write == NULL)
        return od_walk_fail_type(&writer->walk, writer->L, index);
    return write(writer, index);
}

bool od_json_write(lua_State *L, int index, enum od_json_style style, struct od_bytes *out,
                   struct od_error *err)
{
    struct writer writer; // Field by field: zeroing the walk's table would cost more than the work.
    size_t mark = out->size;
    int top = lua_gettop(L);
    writer.L = L;
    writer.out = out;
    writer.style = style;
    writer.size_max = mark + OD_JSON_BYTES_MAX;
    od_walk_init(&writer.walk, "encode", OD_JSON_DEPTH_MAX);
    bool ok = write_value(&writer, index < 0 ? top + index + 1 : index);
    lua_settop(L, top);
    if (ok) {
        OD_ASSERT(writer.walk.depth == 0);
        OD_ASSERT(out->size > mark);
        OD_ASSERT(out->size <= writer.size_max);
        return true;
    }
    out->size = mark;
    return od_walk_report(&writer.walk, ".", err);
}
