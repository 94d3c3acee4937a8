#include "value/int64.h"

#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/check.h"

static const char int64_key; // Its address is the registry's key of { istype, new, int64, uint64 }.

enum {
    SLOT_ISTYPE = 1,
    SLOT_NEW,
    SLOT_SIGNED,
    SLOT_UNSIGNED,
};

// A second luaopen_ffi in one state would reset the C types of the first, so ask for it first.
static void push_ffi(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    if (lua_istable(L, -1))
        lua_getfield(L, -1, LUA_FFILIBNAME);
    if (!lua_istable(L, -1)) {
        lua_pushcfunction(L, luaopen_ffi);
        lua_call(L, 0, 1);
    }
}

static void keep_type(lua_State *L, int kept, int ffi, const char *name, int slot)
{
    lua_getfield(L, ffi, "typeof");
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    lua_rawseti(L, kept, slot);
}

void od_int64_open(lua_State *L)
{
    int top = lua_gettop(L);
    push_ffi(L);
    int ffi = lua_gettop(L);
    lua_createtable(L, 4, 0);
    lua_getfield(L, ffi, "istype");
    lua_rawseti(L, ffi + 1, SLOT_ISTYPE);
    lua_getfield(L, ffi, "new");
    lua_rawseti(L, ffi + 1, SLOT_NEW);
    keep_type(L, ffi + 1, ffi, "int64_t", SLOT_SIGNED);
    keep_type(L, ffi + 1, ffi, "uint64_t", SLOT_UNSIGNED);
    lua_pushlightuserdata(L, (void *)&int64_key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_settop(L, top);
}

static void push_kept(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&int64_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

// [value] is absolute; the kept table is on top.
static bool is_type(lua_State *L, int value, int slot)
{
    lua_rawgeti(L, -1, SLOT_ISTYPE);
    lua_rawgeti(L, -2, slot);
    lua_pushvalue(L, value);
    lua_call(L, 2, 1);
    bool result = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return result;
}

enum od_int64_kind od_int64_kind(lua_State *L, int index)
{
    if (lua_type(L, index) != OD_LUA_TCDATA)
        return OD_INT64_NONE;
    luaL_checkstack(L, 4, "too many values");
    int value = index < 0 ? lua_gettop(L) + index + 1 : index;
    push_kept(L);
    enum od_int64_kind kind = is_type(L, value, SLOT_SIGNED)     ? OD_INT64_SIGNED
                              : is_type(L, value, SLOT_UNSIGNED) ? OD_INT64_UNSIGNED
                                                                 : OD_INT64_NONE;
    lua_pop(L, 1);
    return kind;
}

uint64_t od_int64_bits(lua_State *L, int index)
{
    uint64_t bits;
    OD_ASSERT(lua_type(L, index) == OD_LUA_TCDATA);
    memcpy(&bits, lua_topointer(L, index), sizeof bits); // For cdata, that is its content.
    return bits;
}

// A fresh cdata that nobody has seen yet may be written to.
void od_int64_push(lua_State *L, enum od_int64_kind kind, uint64_t bits)
{
    OD_ASSERT(kind != OD_INT64_NONE);
    luaL_checkstack(L, 4, "too many values");
    push_kept(L);
    lua_rawgeti(L, -1, SLOT_NEW);
    lua_rawgeti(L, -2, kind == OD_INT64_SIGNED ? SLOT_SIGNED : SLOT_UNSIGNED);
    lua_call(L, 1, 1);
    lua_remove(L, -2);
    memcpy((void *)(uintptr_t)lua_topointer(L, -1), &bits, sizeof bits);
}
