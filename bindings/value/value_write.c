#include <string.h>

#include <lauxlib.h>

#include "value/guard.h"
#include "value/int64.h"
#include "value/json.h"
#include "value/number.h"
#include "value/value.h"
#include "value/value_format.h"
#include "value/walk.h"

#define HEAD_BYTES 3   // Of a table with small counts: tag, u8, u8.
#define HEAD32_BYTES 9 // Tag, u32, u32.
#define SMALL_COUNT_MAX 255

struct encoder {
    lua_State *L;
    struct od_bytes *out;
    size_t size_max; // Of [out].
    size_t bytes_max;
    bool is_too_large;
    struct od_walk walk;
};

static bool encode_value(struct encoder *encoder, int index);

static bool fail_size(struct encoder *encoder)
{
    encoder->is_too_large = true;
    return od_walk_fail(&encoder->walk, "the value is larger than %zu bytes", encoder->bytes_max);
}

static bool has_room(struct encoder *encoder, size_t extra)
{
    OD_ASSERT(encoder->out->size <= encoder->out->capacity);
    size_t used = encoder->out->size;
    return used <= encoder->size_max && extra <= encoder->size_max - used;
}

static size_t put_varint(char *place, uint64_t number)
{
    size_t size = 0;
    for (; number >= 0x80; number >>= 7)
        place[size++] = (char)(0x80 | (number & 0x7f));
    place[size++] = (char)number;
    OD_ASSERT(size <= 10);
    return size;
}

static bool encode_nothing(struct encoder *encoder, enum od_tag tag)
{
    if (!has_room(encoder, 1))
        return fail_size(encoder);
    od_bytes_put_u8(encoder->out, (uint8_t)tag);
    return true;
}

static bool encode_bits(struct encoder *encoder, enum od_tag tag, uint64_t bits)
{
    if (!has_room(encoder, 9))
        return fail_size(encoder);
    od_bytes_put_u8(encoder->out, (uint8_t)tag);
    od_bytes_put_u64(encoder->out, bits);
    return true;
}

static bool encode_number(struct encoder *encoder, int index)
{
    double number = lua_tonumber(encoder->L, index);
    if (!od_number_is_whole(number)) {
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        return encode_bits(encoder, OD_TAG_DOUBLE, bits);
    }
    char *place = od_bytes_reserve(encoder->out, 11);
    int64_t whole = (int64_t)number;
    place[0] = OD_TAG_WHOLE;
    size_t size = 1 + put_varint(place + 1, ((uint64_t)whole << 1) ^ (uint64_t)(whole >> 63));
    if (!has_room(encoder, size))
        return fail_size(encoder);
    encoder->out->size += size;
    return true;
}

static void put_string(struct od_bytes *out, od_slice text)
{
    char *place = od_bytes_reserve(out, text.size + 11);
    size_t head = 1;
    if (text.size < OD_TAG_SHORT_END - OD_TAG_SHORT) {
        place[0] = (char)(OD_TAG_SHORT + text.size);
    } else {
        place[0] = OD_TAG_STRING;
        head += put_varint(place + 1, text.size);
    }
    if (text.size > 0)
        memcpy(place + head, text.at, text.size);
    out->size += head + text.size;
}

static bool encode_string(struct encoder *encoder, int index)
{
    od_slice text;
    text.at = lua_tolstring(encoder->L, index, &text.size);
    if (!has_room(encoder, text.size + 1))
        return fail_size(encoder);
    put_string(encoder->out, text);
    return encoder->out->size <= encoder->size_max || fail_size(encoder);
}

static bool encode_boolean(struct encoder *encoder, int index)
{
    return encode_nothing(encoder, lua_toboolean(encoder->L, index) ? OD_TAG_TRUE : OD_TAG_FALSE);
}

static bool encode_null(struct encoder *encoder, int index)
{
    if (lua_touserdata(encoder->L, index) != NULL)
        return od_walk_fail_type(&encoder->walk, encoder->L, index);
    return encode_nothing(encoder, OD_TAG_NULL);
}

static bool encode_cdata(struct encoder *encoder, int index)
{
    enum od_int64_kind kind = od_int64_kind(encoder->L, index);
    if (kind == OD_INT64_NONE)
        return od_walk_fail_type(&encoder->walk, encoder->L, index);
    enum od_tag tag = kind == OD_INT64_SIGNED ? OD_TAG_SIGNED : OD_TAG_UNSIGNED;
    return encode_bits(encoder, tag, od_int64_bits(encoder->L, index));
}

static bool encode_key(struct encoder *encoder, int index)
{
    int type = lua_type(encoder->L, index);
    if (type == LUA_TSTRING)
        return encode_string(encoder, index);
    if (type == LUA_TNUMBER)
        return encode_number(encoder, index);
    return od_walk_fail(&encoder->walk, "cannot %s a table with a key that is a %s",
                        encoder->walk.verb, lua_typename(encoder->L, type));
}

// Fields come in Lua's order: first 1, 2, 3 ... as far as they are in a row, which are written
// without their keys. Key and value are on top of the stack.
static bool encode_fields(struct encoder *encoder, int index, uint32_t *items, uint32_t *pairs)
{
    OD_ASSERT(lua_istable(encoder->L, index));
    lua_State *L = encoder->L;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        int key = lua_gettop(L) - 1;
        bool is_item = *pairs == 0 && lua_type(L, key) == LUA_TNUMBER &&
                       lua_tonumber(L, key) == (double)*items + 1;
        if (!is_item && !encode_key(encoder, key))
            return false;
        if (!encode_value(encoder, key + 1))
            return od_walk_below(&encoder->walk, L, key);
        ++*(is_item ? items : pairs);
        lua_settop(L, key);
    }
    return true;
}

// The head was written for small counts, as most are; others move the content up once.
static bool encode_head(struct encoder *encoder, size_t mark, uint32_t items, uint32_t pairs)
{
    OD_ASSERT(mark + HEAD_BYTES <= encoder->out->size);
    struct od_bytes *out = encoder->out;
    if (items <= SMALL_COUNT_MAX && pairs <= SMALL_COUNT_MAX) {
        out->at[mark + 1] = (char)items;
        out->at[mark + 2] = (char)pairs;
        return true;
    }
    size_t extra = HEAD32_BYTES - HEAD_BYTES;
    if (!has_room(encoder, extra))
        return fail_size(encoder);
    od_bytes_reserve(out, extra);
    size_t content = mark + HEAD_BYTES;
    memmove(out->at + content + extra, out->at + content, out->size - content);
    out->size += extra;
    out->at[mark]++; // OD_TAG_TABLE32 follows OD_TAG_TABLE, OD_TAG_ARRAY32 OD_TAG_ARRAY.
    od_bytes_set_u32(out, mark + 1, items);
    od_bytes_set_u32(out, mark + 5, pairs);
    return true;
}

static bool encode_table(struct encoder *encoder, int index)
{
    lua_State *L = encoder->L;
    if (!od_walk_enter(&encoder->walk, L, index))
        return false;
    enum od_tag tag = OD_TAG_TABLE;
    if (lua_getmetatable(L, index)) {
        lua_pop(L, 1);
        if (!od_json_is_array(L, index))
            return od_walk_fail(&encoder->walk, "cannot %s a table with a metatable",
                                encoder->walk.verb);
        tag = OD_TAG_ARRAY;
    }
    if (!has_room(encoder, HEAD_BYTES))
        return fail_size(encoder);
    size_t mark = encoder->out->size;
    od_bytes_put(encoder->out, (char[HEAD_BYTES]){(char)tag, 0, 0}, HEAD_BYTES);
    uint32_t items = 0, pairs = 0;
    if (!encode_fields(encoder, index, &items, &pairs))
        return false;
    od_walk_leave(&encoder->walk);
    return encode_head(encoder, mark, items, pairs);
}

typedef bool encode_fn(struct encoder *encoder, int index);

static encode_fn *const encoders[OD_LUA_TCDATA + 1] = {
    [LUA_TBOOLEAN] = encode_boolean, [LUA_TLIGHTUSERDATA] = encode_null,
    [LUA_TNUMBER] = encode_number,   [LUA_TSTRING] = encode_string,
    [LUA_TTABLE] = encode_table,     [OD_LUA_TCDATA] = encode_cdata,
};

static bool encode_value(struct encoder *encoder, int index)
{
    int type = lua_type(encoder->L, index);
    encode_fn *encode = type < 0 ? NULL : encoders[type];
    if (encode == NULL)
        return od_walk_fail_type(&encoder->walk, encoder->L, index);
    return encode(encoder, index);
}

static bool encode_root(struct encoder *encoder, int index, struct od_error *err)
{
    return encode_value(encoder, index) || od_walk_report(&encoder->walk, "", err);
}

static bool encode_guarded(lua_State *L, void *context, struct od_error *err)
{
    (void)L;
    return encode_root(context, 1, err);
}

// Only tables and cdata call functions of Lua that could raise.
static bool is_scalar(lua_State *L, int index)
{
    int type = lua_type(L, index);
    return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

// Field by field: zeroing the walk's table would cost more than the work.
static void init(struct encoder *encoder, lua_State *L, const char *verb, struct od_bytes *out,
                 size_t bytes_max)
{
    encoder->L = L;
    encoder->out = out;
    encoder->size_max = out->size + bytes_max;
    encoder->bytes_max = bytes_max;
    encoder->is_too_large = false;
    od_walk_init(&encoder->walk, verb, OD_VALUE_DEPTH_MAX);
    od_bytes_put_u8(out, OD_VALUE_FORMAT);
}

static bool encode_safely(struct encoder *encoder, int index, struct od_error *err)
{
    return is_scalar(encoder->L, index)
               ? encode_root(encoder, index, err)
               : od_guard(encoder->L, index, 0, encode_guarded, encoder, err);
}

bool od_value_encode(lua_State *L, int index, struct od_bytes *out, size_t bytes_max,
                     struct od_error *err)
{
    struct encoder encoder;
    size_t mark = out->size;
    init(&encoder, L, "store", out, bytes_max);
    bool ok = encode_safely(&encoder, index, err);
    if (!ok)
        out->size = mark;
    return ok;
}

void od_value_encode_string(struct od_bytes *out, od_slice text)
{
    od_bytes_put_u8(out, OD_VALUE_FORMAT);
    put_string(out, text);
}

// --- Lists ---------------------------------------------------------------------------------------

static bool encode_listed(struct encoder *encoder, int index, struct od_error *err)
{
    return lua_type(encoder->L, index) == LUA_TNIL ? encode_nothing(encoder, OD_TAG_NIL)
                                                   : encode_safely(encoder, index, err);
}

// So much is written to find out how large something is; what is larger still is only called that.
static size_t measured_bytes_max(size_t bytes_max)
{
    return 2 * bytes_max;
}

static bool report_size(const struct encoder *encoder, size_t bytes_max, size_t bytes,
                        struct od_error *err)
{
    return od_error_set(err,
                        "Serialized RPC arguments or return values are limited to %zuMiB, but the "
                        "size of this value was: %s%zu bytes.",
                        bytes_max >> 20, encoder->is_too_large ? "more than " : "", bytes);
}

static bool encode_list(struct encoder *encoder, int first, int count, const char *noun,
                        struct od_error *err)
{
    OD_ASSERT(count >= 0);
    char *place = od_bytes_reserve(encoder->out, 10);
    encoder->out->size += put_varint(place, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        if (!encode_listed(encoder, first + i, err))
            return encoder->is_too_large || od_error_prefix(err, "%s %d", noun, i + 1);
    }
    return true;
}

bool od_values_encode(lua_State *L, int first, int count, const char *noun, struct od_bytes *out,
                      size_t bytes_max, struct od_error *err)
{
    struct encoder encoder;
    size_t mark = out->size;
    if (count > OD_VALUES_MAX)
        return od_error_set(err, "there are %d %ss; there can be at most %d", count, noun,
                            OD_VALUES_MAX);
    init(&encoder, L, "send", out, measured_bytes_max(bytes_max));
    bool ok = encode_list(&encoder, first, count, noun, err);
    size_t bytes = encoder.is_too_large ? encoder.bytes_max : out->size - mark;
    if (ok && bytes > bytes_max)
        ok = report_size(&encoder, bytes_max, bytes, err);
    if (!ok)
        out->size = mark;
    return ok;
}
