// `env.rooms` and ids: how one object finds another.
//
// Neither touches the object: an id is 32 bytes, a stub (api/stub.h) an id one can call.

#ifndef OD_API_NAMESPACE_H
#define OD_API_NAMESPACE_H

#include <lua.h>

#include "object/object.h"

void od_lib_namespace_open(lua_State *L); // Once a state.

void od_namespace_push(lua_State *L, struct od_namespace *namespace);
void od_id_push_object(lua_State *L, struct od_object *object); // state.id

#endif
