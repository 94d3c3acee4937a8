// What an id and a stub hold: where an object is to be found.
//
// It is bytes of its own and no pointer to the object, which need not exist. Namespaces live as
// long as the worker.

#ifndef OD_API_OBJECT_REF_H
#define OD_API_OBJECT_REF_H

#include <lua.h>

#include "engine/userdata.h"
#include "object/names/namespace.h"

struct od_object_ref {
    struct od_namespace *namespace;
    od_id id;
    bool has_name;
    size_t name_size;
    char name[];
};

// Pushes an id or a stub. A name longer than OD_NAME_BYTES_MAX is not kept.
void od_object_ref_push(lua_State *L, enum od_userdata kind, struct od_namespace *namespace,
                        const od_id *id, bool has_name, od_slice name);
void od_object_ref_push_copy(lua_State *L, enum od_userdata kind, const struct od_object_ref *ref);

od_slice od_object_ref_name(const struct od_object_ref *ref);
void od_object_ref_push_name(lua_State *L, const struct od_object_ref *ref); // Or nil.

// Whether argument 2 of a metamethod is the key [name].
bool od_object_ref_is_key(lua_State *L, const char *name);

#endif
