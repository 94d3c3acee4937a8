#include "engine/tail_call.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"

enum {
    indices_max = 4, // Of __index, behind each other.
};

// --- Lines ---------------------------------------------------------------------------------------

static bool is_name_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '.' || byte == ':';
}

static bool is_tail_call(od_slice line)
{
    static const char keyword[] = "return ";
    const char *end = line.at + line.size;
    const char *at = memmem(line.at, line.size, keyword, sizeof keyword - 1);
    if (at == NULL || (at > line.at && is_name_byte(at[-1])))
        return false;
    at += sizeof keyword - 1;
    od_slice name = {at, 0};
    while (at + name.size < end && is_name_byte(at[name.size]))
        name.size++;
    at += name.size;
    return name.size > 0 && at < end && strchr("([{\"'", *at) != NULL &&
           !od_slice_equal(name, OD_SLICE("function"));
}

int od_tail_call_next(const struct od_source *source, const lua_Debug *function, int line,
                      od_slice *text)
{
    OD_ASSERT(line >= function->linedefined - 1);
    for (line++; line <= function->lastlinedefined; line++) {
        if (od_source_line(source, line, text) && is_tail_call(*text))
            return line;
    }
    return 0;
}

int od_tail_call_count(const struct od_source *source, const lua_Debug *function)
{
    od_slice text;
    int count = 0, line = function->linedefined - 1;
    while ((line = od_tail_call_next(source, function, line, &text)) != 0)
        count++;
    return count;
}

// --- Who has gone --------------------------------------------------------------------------------

// Nothing here may raise or allocate: the coroutine may have ended with an error. Four values fit
// on any stack.

struct search {
    lua_State *L;
    int running;    // Where the function that runs is on the stack.
    lua_Debug call; // How it was called: name, namewhat.
    od_slice line;  // There.
    lua_Debug *function;
};

// Takes the value on top.
static bool is_lost(const struct search *search)
{
    lua_State *L = search->L;
    if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1) || lua_rawequal(L, -1, search->running)) {
        lua_pop(L, 1);
        return false;
    }
    lua_getinfo(L, ">S", search->function);
    return search->function->source[0] != '=';
}

// What __index of the table on top has, in its place; nil: nothing.
static void push_index(lua_State *L)
{
    if (!lua_getmetatable(L, -1)) {
        lua_pushnil(L);
        lua_remove(L, -2);
        return;
    }
    lua_remove(L, -2);
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

// A field of the value on top, which it takes; raw, as far as tables go.
static bool is_lost_field(const struct search *search)
{
    lua_State *L = search->L;
    for (int i = 0; i < indices_max && lua_istable(L, -1); i++) {
        lua_pushstring(L, search->call.name);
        lua_rawget(L, -2);
        if (!lua_isnil(L, -1)) {
            lua_remove(L, -2);
            return is_lost(search);
        }
        lua_pop(L, 1);
        push_index(L);
    }
    lua_pop(L, 1);
    return false;
}

// Whether the line has "variable.name" or "variable:name".
static bool is_called_in(const struct search *search, const char *variable)
{
    size_t size = strlen(variable), name_size = strlen(search->call.name);
    od_slice rest = search->line;
    const char *at;
    while ((at = memmem(rest.at, rest.size, variable, size)) != NULL) {
        od_slice behind = od_slice_from(rest, (size_t)(at - rest.at) + size);
        if (behind.size > name_size && (behind.at[0] == '.' || behind.at[0] == ':') &&
            memcmp(behind.at + 1, search->call.name, name_size) == 0)
            return true;
        rest = behind;
    }
    return false;
}

// Takes the value on top, which the [variable] has.
static bool is_in_variable(const struct search *search, const char *variable)
{
    const char *what = search->call.namewhat;
    if (strcmp(what, "local") == 0 || strcmp(what, "upvalue") == 0) {
        if (strcmp(variable, search->call.name) == 0)
            return is_lost(search);
    } else if (variable[0] != '\0' && is_called_in(search, variable)) {
        return is_lost_field(search);
    }
    lua_pop(search->L, 1);
    return false;
}

static bool is_in_locals(const struct search *search, const lua_Debug *caller)
{
    const char *name;
    for (int i = 1; (name = lua_getlocal(search->L, caller, i)) != NULL; i++) {
        if (is_in_variable(search, name))
            return true;
    }
    return false;
}

static bool is_in_upvalues(const struct search *search, lua_Debug *caller)
{
    const char *name;
    lua_getinfo(search->L, "f", caller);
    int at = lua_gettop(search->L);
    for (int i = 1; (name = lua_getupvalue(search->L, at, i)) != NULL; i++) {
        if (is_in_variable(search, name))
            return true;
    }
    return false;
}

bool od_tail_call_lost(lua_State *L, int level, od_slice line, lua_Debug *function)
{
    lua_Debug caller;
    struct search search = {.L = L, .line = line, .function = function};
    int top = lua_gettop(L);
    OD_ASSERT(level >= 0);
    if (level == 0 || !lua_getstack(L, level, &caller) || !lua_getstack(L, level - 1, &search.call))
        return false;
    lua_getinfo(L, "nf", &search.call);
    search.running = lua_gettop(L);
    bool is_found = search.call.name != NULL &&
                    (is_in_locals(&search, &caller) || is_in_upvalues(&search, &caller));
    lua_settop(L, top);
    function->name = search.call.name;
    return is_found;
}
