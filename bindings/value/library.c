#include "value/library.h"

#include "value/encodings.h"
#include "value/guard.h"
#include "value/http_message.h"
#include "value/int64.h"
#include "value/json.h"
#include "value/signature.h"
#include "value/url.h"

void od_lib_open(lua_State *L)
{
    static const struct {
        const char *name;
        void (*open)(lua_State *L); // Pushes one table.
    } parts[] = {
        {"json", od_json_open},
        {"bytes", od_lib_bytes_open},
        {"signature", od_lib_signature_open},
        {"url", od_lib_url_open},
        {"http", od_http_message_open},
    };
    od_guard_open(L);
    od_int64_open(L);
    lua_newtable(L);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        parts[i].open(L);
        lua_setfield(L, -2, parts[i].name);
    }
    lua_newtable(L);
    lua_setfield(L, -2, "runtime");
}
