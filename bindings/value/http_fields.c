#include "value/http_fields.h"

#include <lauxlib.h>

#include "value/http_message.h"

#define NAME_SHOWN_BYTES 100 // Of a name, in an error.

// RFC 9110, section 5.6.2. As od_http_is_token of codec/, which the bindings do not see.
static const bool token_bytes[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

bool od_http_fields_is_token(od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!token_bytes[(unsigned char)text.at[i]])
            return false;
    }
    return text.size > 0;
}

static bool is_lower(od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] >= 'A' && text.at[i] <= 'Z')
            return false;
    }
    return true;
}

static bool is_field_value(od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

static bool put_field(struct od_bytes *out, od_slice name, od_slice value, size_t *room,
                      struct od_error *err)
{
    if (!od_http_fields_is_token(name) || !is_lower(name))
        return od_error_set(err, "a header has a name that cannot be one");
    if (!is_field_value(value))
        return od_error_set(err, "the header \"%.*s\" has a control character in its value",
                            (int)(name.size < NAME_SHOWN_BYTES ? name.size : NAME_SHOWN_BYTES),
                            name.at);
    if (value.size > *room || name.size > *room - value.size)
        return od_error_set(err, "the headers have more than %u bytes", OD_HTTP_FIELDS_BYTES_MAX);
    *room -= name.size + value.size;
    OD_ASSERT(*room <= OD_HTTP_FIELDS_BYTES_MAX);
    od_headers_put(out, name, value);
    return true;
}

static od_slice string_at(lua_State *L, int index)
{
    od_slice text;
    text.at = lua_tolstring(L, index, &text.size);
    return text;
}

bool od_http_fields_put_array(lua_State *L, int index, struct od_bytes *out, uint32_t *count,
                              struct od_error *err)
{
    size_t room = OD_HTTP_FIELDS_BYTES_MAX;
    const int top = lua_gettop(L);
    for (int i = 1;; i += 2) {
        lua_rawgeti(L, index, i);
        lua_rawgeti(L, index, i + 1);
        if (lua_isnil(L, -2))
            break;
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            return od_error_set(err, "the headers hold something that is not a string");
        if (!put_field(out, string_at(L, -2), string_at(L, -1), &room, err))
            return false;
        ++*count;
        lua_pop(L, 2);
    }
    lua_pop(L, 2);
    OD_ASSERT(lua_gettop(L) == top);
    return true;
}

bool od_http_fields_put_encoded(od_slice encoded, struct od_bytes *out, uint32_t *count,
                                struct od_error *err)
{
    size_t room = OD_HTTP_FIELDS_BYTES_MAX;
    struct od_cursor cursor = od_cursor_of(encoded);
    struct od_headers headers = od_headers_read(&cursor);
    struct od_header field;
    while (od_headers_next(&headers, &field)) {
        if (!put_field(out, field.name, field.value, &room, err))
            return false;
        ++*count;
    }
    return true;
}

static void push_slice(lua_State *L, od_slice slice)
{
    lua_pushlstring(L, slice.size > 0 ? slice.at : "", slice.size);
}

// A field takes eight bytes at least, so the number of them is known to be as small as the message.
void od_http_fields_push(lua_State *L, struct od_headers headers)
{
    struct od_header field;
    lua_createtable(L, (int)headers.left * 2, 0);
    for (int i = 1; od_headers_next(&headers, &field); i += 2) {
        push_slice(L, field.name);
        lua_rawseti(L, -2, i);
        push_slice(L, field.value);
        lua_rawseti(L, -2, i + 1);
    }
}
