#include "api/object_ref.h"

#include <string.h>

#include "object/names/route.h"

void od_object_ref_push(lua_State *L, enum od_userdata kind, struct od_namespace *namespace,
                        const od_id *id, bool has_name, od_slice name)
{
    has_name = has_name && name.size <= OD_NAME_BYTES_MAX;
    OD_ASSERT(namespace != NULL);
    size_t name_size = has_name ? name.size : 0;
    struct od_object_ref *ref = od_userdata_push(L, kind, sizeof *ref + name_size);
    *ref = (struct od_object_ref){namespace, *id, has_name, name_size};
    if (name_size > 0)
        memcpy(ref->name, name.at, name_size);
}

void od_object_ref_push_copy(lua_State *L, enum od_userdata kind, const struct od_object_ref *ref)
{
    od_object_ref_push(L, kind, ref->namespace, &ref->id, ref->has_name, od_object_ref_name(ref));
}

od_slice od_object_ref_name(const struct od_object_ref *ref)
{
    OD_ASSERT(ref->name_size <= OD_NAME_BYTES_MAX);
    OD_ASSERT(ref->has_name || ref->name_size == 0);
    return (od_slice){ref->name, ref->name_size};
}

void od_object_ref_push_name(lua_State *L, const struct od_object_ref *ref)
{
    if (ref->has_name)
        lua_pushlstring(L, ref->name, ref->name_size);
    else
        lua_pushnil(L);
}

bool od_object_ref_is_key(lua_State *L, const char *name)
{
    return lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), name) == 0;
}
