#include "value/raise.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "value/int64.h"

enum {
    text_bytes = 2048
};

// Chunks of open-do are named "=open-do..." or "=engine...", those of a script "@file".
static bool is_of_script(const lua_Debug *frame)
{
    return frame->currentline > 0 && frame->source[0] != '=';
}

static void push_place(lua_State *L)
{
    lua_Debug frame;
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (is_of_script(&frame)) {
            lua_pushfstring(L, "%s:%d: ", frame.short_src, frame.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

void od_raise(lua_State *L, const char *format, ...)
{
    char text[text_bytes];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    push_place(L);
    lua_pushstring(L, text);
    lua_concat(L, 2);
    lua_error(L);
    OD_UNREACHABLE("lua_error returns");
}

// Of one of our kinds, which has it in its metatable (userdata.h); else NULL. The metatable keeps
// it.
static const char *name_of_userdata(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    lua_pushliteral(L, "__name");
    lua_rawget(L, -2);
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 2);
    return name;
}

const char *od_describe(lua_State *L, int index)
{
    static const char *const names[] = {[LUA_TNIL] = "nil",
                                        [LUA_TBOOLEAN] = "a boolean",
                                        [LUA_TLIGHTUSERDATA] = "null",
                                        [LUA_TNUMBER] = "a number",
                                        [LUA_TSTRING] = "a string",
                                        [LUA_TTABLE] = "a table",
                                        [LUA_TFUNCTION] = "a function",
                                        [LUA_TUSERDATA] = "a userdata",
                                        [LUA_TTHREAD] = "a coroutine",
                                        [OD_LUA_TCDATA] = "a cdata"};
    const char *name = name_of_userdata(L, index);
    if (name != NULL)
        return name;
    int type = lua_type(L, index);
    if (type == LUA_TNUMBER && isnan(lua_tonumber(L, index)))
        return "NaN"; // Where a number is wanted, "a number" would explain nothing.
    return type == LUA_TNONE ? "nothing" : names[type];
}

void od_raise_argument(lua_State *L, int index, const char *call, const char *wanted)
{
    od_raise(L, "%s: argument %d must be %s, got %s", call, index - 1, wanted,
             od_describe(L, index));
}

od_slice od_check_string(lua_State *L, int index, const char *call)
{
    if (lua_type(L, index) != LUA_TSTRING)
        od_raise_argument(L, index, call, "a string");
    od_slice text;
    text.at = lua_tolstring(L, index, &text.size);
    return text;
}

od_slice od_check_bytes(lua_State *L, int index, const char *call)
{
    if (!lua_isstring(L, index))
        od_raise(L, "%s: argument %d must be a string, got %s", call, index, od_describe(L, index));
    od_slice bytes;
    bytes.at = lua_tolstring(L, index, &bytes.size);
    return bytes;
}

bool od_check_flag(lua_State *L, int index, const char *call)
{
    if (!lua_isnoneornil(L, index) && lua_type(L, index) != LUA_TBOOLEAN)
        od_raise_argument(L, index, call, "true, false or nil");
    return lua_toboolean(L, index);
}

double od_check_number(lua_State *L, int index, const char *call)
{
    if (lua_type(L, index) != LUA_TNUMBER || isnan(lua_tonumber(L, index)))
        od_raise_argument(L, index, call, "a number");
    return lua_tonumber(L, index);
}

void od_check_function(lua_State *L, int index, const char *call)
{
    if (lua_type(L, index) != LUA_TFUNCTION)
        od_raise_argument(L, index, call, "a function");
}

bool od_check_options(lua_State *L, int index, const char *call)
{
    if (lua_isnoneornil(L, index))
        return false;
    if (lua_type(L, index) != LUA_TTABLE)
        od_raise_argument(L, index, call, "a table of options");
    return true;
}

bool od_option(lua_State *L, int index, const char *call, const char *name, int type)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
    if (lua_type(L, -1) == LUA_TNIL) {
        lua_pop(L, 1);
        return false;
    }
    if (lua_type(L, -1) != type)
        od_raise(L, "%s: option '%s' must be a %s, got %s", call, name, lua_typename(L, type),
                 od_describe(L, -1));
    return true;
}

bool od_option_flag(lua_State *L, int index, const char *call, const char *name)
{
    if (!od_option(L, index, call, name, LUA_TBOOLEAN))
        return false;
    bool flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

static void list_names(struct od_error *list, const char *const *names)
{
    size_t size = 0;
    list->text[0] = '\0';
    for (; *names != NULL && size < sizeof list->text; names++)
        size += (size_t)snprintf(list->text + size, sizeof list->text - size, "%s%s",
                                 size == 0 ? "" : ", ", *names);
}

void od_unknown_set(struct od_error *err, const char *what, const char *word,
                    const char *const *names)
{
    struct od_error list;
    const char *meant = od_suggest_of(word, names);
    if (meant == NULL)
        list_names(&list, names);
    od_error_set(err, meant == NULL ? "%s '%s'; there are: %s" : "%s '%s'; did you mean '%s'?",
                 what, word, meant == NULL ? list.text : meant);
}

void od_raise_unknown(lua_State *L, const char *what, const char *word, const char *const *names)
{
    struct od_error err;
    od_unknown_set(&err, what, word, names);
    od_raise(L, "%s", err.text);
}

static bool is_one_of(const char *text, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(text, *names) == 0)
            return true;
    }
    return false;
}

void od_check_option_names(lua_State *L, int index, const char *call, const char *const *names)
{
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            od_raise(L, "%s: the options have a key that is %s", call, od_describe(L, -2));
        if (!is_one_of(lua_tostring(L, -2), names))
            od_raise_unknown(L, lua_pushfstring(L, "%s: there is no option", call),
                             lua_tostring(L, -2), names);
    }
}
