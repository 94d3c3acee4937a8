#include "api/address.h"

#include <string.h>

#include "object/route.h"

void od_address_push(lua_State *L, enum od_userdata kind, struct od_namespace *namespace,
                     const od_id *id, bool has_name, od_slice name)
{
    has_name = has_name && name.size <= OD_NAME_BYTES_MAX;
    size_t name_size = has_name ? name.size : 0;
    struct od_address *address = od_userdata_push(L, kind, sizeof *address + name_size);
    *address = (struct od_address){namespace, *id, has_name, name_size};
    if (name_size > 0)
        memcpy(address->name, name.at, name_size);
}

void od_address_push_copy(lua_State *L, enum od_userdata kind, const struct od_address *address)
{
    od_address_push(L, kind, address->namespace, &address->id, address->has_name,
                    od_address_name(address));
}

od_slice od_address_name(const struct od_address *address)
{
    return (od_slice){address->name, address->name_size};
}

void od_address_push_name(lua_State *L, const struct od_address *address)
{
    if (address->has_name)
        lua_pushlstring(L, address->name, address->name_size);
    else
        lua_pushnil(L);
}

bool od_address_is_key(lua_State *L, const char *name)
{
    return lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), name) == 0;
}
