#include "api/command.h"

#include <math.h>

#include <lauxlib.h>

#include "api/socket.h"
#include "engine/embedded.h"
#include "engine/engine.h"

static const char handler_key; // Its address is a key in the registry.

// socket(number) -> that WebSocket of the object; nil when it has none of this number.
static int push_socket(lua_State *L)
{
    struct od_object *object = od_engine_object(L, "sockets");
    double number = luaL_checknumber(L, 1);
    bool is_number = number >= 1 && number < 9007199254740992.0 && number == floor(number);
    const struct od_socket *socket =
        is_number ? od_socket_find(object->objects, (uint64_t)number) : NULL;
    if (socket == NULL || socket->object != object || !socket->is_listed)
        return 0;
    od_websocket_push(od_engine_of(L), L, socket->id);
    return 1;
}

void od_lib_command_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"socket", push_socket}, {NULL, NULL}};
    od_embedded_put_native(L, "command", functions);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&handler_key);
    od_embedded_push(L, "engine.commands");
    lua_rawset(L, LUA_REGISTRYINDEX);
}

bool od_command_push_handler(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&handler_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    return true;
}
