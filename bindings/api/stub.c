#include "api/stub.h"

#include <lauxlib.h>

#include "api/object_ref.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "link/invocation.h"
#include "object/call.h"
#include "value/http_message.h"
#include "value/raise.h"
#include "value/value.h"

// A field that is no method.
static int property(lua_State *L)
{
    const struct od_object_ref *ref = od_userdata_self(L, OD_USERDATA_STUB, "__index");
    if (od_object_ref_is_key(L, "name"))
        od_object_ref_push_name(L, ref);
    else if (od_object_ref_is_key(L, "id"))
        od_object_ref_push_copy(L, OD_USERDATA_ID, ref);
    else if (lua_type(L, 2) != LUA_TSTRING)
        return od_userdata_no_field(L);
    else
        od_raise(L, "'%s' %s", lua_tostring(L, 2), od_method_refusal(od_check_string(L, 2, "")));
    return 1;
}

// (key) -> whether it can be the name of a method.
static int is_method(lua_State *L)
{
    bool is_property = od_object_ref_is_key(L, "name") || od_object_ref_is_key(L, "id");
    lua_pushboolean(L, !is_property && lua_type(L, 2) == LUA_TSTRING &&
                           od_method_refusal(od_check_string(L, 2, "")) == NULL);
    return 1;
}

static struct od_wait *begin(lua_State *L, const char *name, enum od_call_kind kind)
{
    const struct od_object_ref *ref = od_userdata_self(L, OD_USERDATA_STUB, name);
    struct od_wait *wait = od_wait_prepare(L, name);
    od_call_begin(&wait->bytes, kind, &ref->id, ref->namespace->name, ref->has_name,
                  od_object_ref_name(ref));
    return wait;
}

// A Request may stand for the options, too.
static void check_names(lua_State *L)
{
    static const char *const names[] = {"method", "headers", "body", NULL};
    if (lua_istable(L, 3) && !lua_getmetatable(L, 3))
        od_check_option_names(L, 3, "fetch", names);
    lua_settop(L, 3);
}

// (stub, request | url, init)
static int begin_fetch(lua_State *L)
{
    struct od_error err;
    struct od_wait *wait = begin(L, "fetch", OD_CALL_FETCH);
    lua_settop(L, 3);
    check_names(L);
    if (!od_request_encode(L, 2, 3, &wait->bytes, &err))
        od_raise(L, "fetch: %s", err.text);
    return od_wait_yield(L, OD_WAIT_CALL);
}

// (stub, name, arguments...)
static int begin_call(lua_State *L)
{
    struct od_error err;
    od_slice name = od_check_string(L, 2, "");
    struct od_wait *wait = begin(L, name.at, OD_CALL_METHOD);
    od_invocation_begin(&wait->bytes, name);
    if (!od_values_encode(L, 3, lua_gettop(L) - 2, "argument", &wait->bytes, OD_CALL_BYTES_MAX,
                          &err))
        od_raise(L, "%s: %s", name.at, err.text);
    return od_wait_yield(L, OD_WAIT_METHOD);
}

void od_lib_stub_open(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg halves[] = {{"begin_fetch", begin_fetch},
                                      {"begin_call", begin_call},
                                      {"is_method", is_method},
                                      {NULL, NULL}};
    od_userdata_define(L, OD_USERDATA_STUB, none, property);
    lua_pop(L, 1);
    od_embedded_put_native(L, "stub", halves);
}
