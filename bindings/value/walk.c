#include "value/walk.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "value/int64.h"

#define KEY_BYTES_MAX 40 // Of one key in a path; longer ones are cut.

void od_walk_init(struct od_walk *walk, const char *verb, int depth_max)
{
    OD_ASSERT(depth_max <= OD_WALK_DEPTH_LIMIT);
    walk->verb = verb;
    walk->depth_max = depth_max;
    walk->depth = 0;
    walk->problem[0] = '\0';
    walk->is_cut = false;
    walk->path_start = OD_WALK_PATH_BYTES_MAX;
    walk->path[OD_WALK_PATH_BYTES_MAX] = '\0';
}

bool od_walk_enter(struct od_walk *walk, lua_State *L, int index)
{
    OD_ASSERT(walk->depth <= walk->depth_max);
    const void *table = lua_topointer(L, index);
    for (int i = 0; i < walk->depth; i++) {
        if (walk->open[i] == table)
            return od_walk_fail(walk, "cannot %s a table that contains itself", walk->verb);
    }
    if (walk->depth == walk->depth_max)
        return od_walk_fail(walk, "cannot %s more than %d tables inside each other", walk->verb,
                            walk->depth_max);
    if (!lua_checkstack(L, 8))
        return od_walk_fail(walk, "cannot %s this: the Lua stack is full", walk->verb);
    walk->open[walk->depth++] = table;
    return true;
}

void od_walk_leave(struct od_walk *walk)
{
    OD_ASSERT(walk->depth > 0);
    walk->depth--;
}

bool od_walk_fail(struct od_walk *walk, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(walk->problem, sizeof walk->problem, format, arguments);
    va_end(arguments);
    return false;
}

bool od_walk_fail_type(struct od_walk *walk, lua_State *L, int index)
{
    int type = lua_type(L, index);
    const char *name =
        type == OD_LUA_TCDATA ? "cdata other than int64 and uint64" : lua_typename(L, type);
    return od_walk_fail(walk, "cannot %s a %s", walk->verb, name);
}

static bool is_name(const char *text, size_t size)
{
    if (size == 0 || size > KEY_BYTES_MAX || isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    }
    return true;
}

// ["a key"], in printable ASCII, because it ends up in logs and terminals.
static void quote_key(char *piece, size_t piece_size, const char *text, size_t size)
{
    size_t used = (size_t)snprintf(piece, piece_size, "[\"");
    for (size_t i = 0; i < size && i < KEY_BYTES_MAX; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        used +=
            (size_t)snprintf(piece + used, piece_size - used, is_plain ? "%c" : "\\x%02x", byte);
        OD_ASSERT(used < piece_size);
    }
    snprintf(piece + used, piece_size - used, size > KEY_BYTES_MAX ? "...\"]" : "\"]");
}

static void key_piece(char *piece, size_t piece_size, lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        snprintf(piece, piece_size, "[%.14g]", lua_tonumber(L, index));
        return;
    }
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    if (is_name(text, size))
        snprintf(piece, piece_size, ".%s", text);
    else
        quote_key(piece, piece_size, text, size);
}

// A path that is too long loses its outer end: the inner one is what has to be found.
bool od_walk_below(struct od_walk *walk, lua_State *L, int index)
{
    char piece[KEY_BYTES_MAX * 4 + 16];
    key_piece(piece, sizeof piece, L, index);
    if (walk->is_cut)
        return false;
    size_t size = strlen(piece);
    if (walk->path_start < size + 3) {
        size = (size_t)snprintf(piece, sizeof piece, "...");
        walk->is_cut = true;
    }
    walk->path_start -= size;
    OD_ASSERT(walk->path_start <= OD_WALK_PATH_BYTES_MAX);
    memcpy(walk->path + walk->path_start, piece, size);
    return false;
}

bool od_walk_report(const struct od_walk *walk, const char *root, struct od_error *err)
{
    OD_ASSERT(walk->path_start <= OD_WALK_PATH_BYTES_MAX);
    OD_ASSERT(walk->problem[0] != '\0');
    const char *path = walk->path + walk->path_start;
    if (path[0] == '\0')
        return od_error_set(err, "%s", walk->problem);
    if (path[0] == '.' && path[1] != '.')
        return od_error_set(err, "%s at %s%s", walk->problem, root, path + 1);
    return od_error_set(err, "%s at %s", walk->problem, path);
}
