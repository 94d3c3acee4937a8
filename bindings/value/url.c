#include "value/url.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <lauxlib.h>

#include "base/hex.h"
#include "base/slice.h"
#include "codec/url.h"
#include "value/raise.h"

static bool is_unreserved(unsigned char byte)
{
    return byte != '\0' && byte < 0x80 && (isalnum(byte) || strchr("-_.!~*'()", byte) != NULL);
}

static int encode(lua_State *L)
{
    static const char digits[] = "0123456789ABCDEF";
    od_slice text = od_check_bytes(L, 1, "url.encode");
    char *out = lua_newuserdata(L, text.size * 3 + 1); // Lua frees it, also after an error.
    size_t used = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (is_unreserved(byte)) {
            out[used++] = (char)byte;
        } else {
            out[used++] = '%';
            out[used++] = digits[byte >> 4];
            out[used++] = digits[byte & 15];
        }
    }
    lua_pushlstring(L, out, used);
    return 1;
}

// The byte of "%XX" at [at], -1 when it is none.
static int percent_value(const char *at, size_t left)
{
    return left < 3 || at[0] != '%' ? -1 : od_hex_pair(at + 1);
}

static size_t decode_into(char *out, od_slice text, bool plus_is_space)
{
    size_t used = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = percent_value(text.at + i, text.size - i);
        char plain = plus_is_space && text.at[i] == '+' ? ' ' : text.at[i];
        out[used++] = value < 0 ? plain : (char)value;
        i += value < 0 ? 0 : 2;
    }
    return used;
}

static int decode(lua_State *L)
{
    od_slice text = od_check_bytes(L, 1, "url.decode");
    char *out = lua_newuserdata(L, text.size + 1);
    lua_pushlstring(L, out, decode_into(out, text, false));
    return 1;
}

// Cuts [rest] at the first [end]; the part before it is returned, [rest] is what follows it.
static od_slice take_until(od_slice *rest, char end)
{
    const char *place = rest->size == 0 ? NULL : memchr(rest->at, end, rest->size);
    od_slice part = {rest->at, place == NULL ? rest->size : (size_t)(place - rest->at)};
    *rest = od_slice_from(*rest, part.size + (place != NULL));
    return part;
}

// Pushes { name, value, name, value ... }.
static int push_pairs(lua_State *L, od_slice query)
{
    char *buffer = lua_newuserdata(L, query.size + 1);
    int count = 0;
    lua_newtable(L);
    while (query.size > 0) {
        od_slice value = take_until(&query, '&');
        if (value.size == 0)
            continue;
        od_slice name = take_until(&value, '=');
        lua_pushlstring(L, buffer, decode_into(buffer, name, true));
        lua_rawseti(L, -2, ++count);
        lua_pushlstring(L, buffer, decode_into(buffer, value, true));
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static int query_pairs(lua_State *L)
{
    return push_pairs(L, od_check_bytes(L, 1, "url.parseQuery"));
}

static int url_pairs(lua_State *L)
{
    od_slice query = od_check_bytes(L, 1, "url.parse");
    take_until(&query, '?');
    return push_pairs(L, take_until(&query, '#'));
}

// --- Parts ---------------------------------------------------------------------------------------

struct parsing { // Freed by Lua, also after an error.
    struct od_url url;
    struct od_url base;
};

static int free_parsing(lua_State *L)
{
    struct parsing *parsing = lua_touserdata(L, 1);
    od_url_deinit(&parsing->url);
    od_url_deinit(&parsing->base);
    return 0;
}

static struct parsing *push_parsing(lua_State *L)
{
    struct parsing *parsing = lua_newuserdata(L, sizeof *parsing);
    memset(parsing, 0, sizeof *parsing);
    if (luaL_newmetatable(L, "open-do url")) {
        lua_pushcfunction(L, free_parsing);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return parsing;
}

static bool parse_both(struct parsing *parsing, od_slice text, od_slice base, struct od_error *err)
{
    if (base.at == NULL)
        return od_url_parse(&parsing->url, text, NULL, err);
    if (!od_url_parse(&parsing->base, base, NULL, err))
        return od_error_prefix(err, "the base");
    return od_url_parse(&parsing->url, text, &parsing->base, err);
}

static void set_part(lua_State *L, const char *name, const struct od_bytes *part)
{
    lua_pushlstring(L, part->size == 0 ? "" : part->at, part->size);
    lua_setfield(L, -2, name);
}

static int parse(lua_State *L)
{
    struct od_error err;
    od_slice text = od_check_bytes(L, 1, "url.parse"), base = {NULL, 0};
    if (!lua_isnoneornil(L, 2))
        base = od_check_bytes(L, 2, "url.parse");
    struct parsing *parsing = push_parsing(L);
    if (!parse_both(parsing, text, base, &err)) {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    lua_createtable(L, 0, 13);
    set_part(L, "protocol", &parsing->url.scheme);
    set_part(L, "username", &parsing->url.username);
    set_part(L, "password", &parsing->url.password);
    set_part(L, "hostname", &parsing->url.host);
    set_part(L, "port", &parsing->url.port);
    set_part(L, "pathname", &parsing->url.path);
    set_part(L, "search", &parsing->url.query);
    set_part(L, "hash", &parsing->url.fragment);
    return 1;
}

void od_lib_url_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"encode", encode},       {"decode", decode}, {"query_pairs", query_pairs},
        {"url_pairs", url_pairs}, {"parse", parse},   {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
}
