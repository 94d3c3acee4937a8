// Requests and responses between their two forms: messages (link/request.h, link/response.h) and
// the Lua objects of od.Request and od.Response.
//
// A pushed object keeps the header fields as the bytes they came in until a script asks for
// `headers`; an object that is passed on unread is copied without a look at its fields by Lua. What
// is encoded is checked here once more (field names, CR, LF, NUL, status), because a script can
// reach into the tables of its own objects.
//
// The encoders never raise; on false [out] is as it was. The pushers raise only when the state is
// out of memory. Both run no code of a script. Stack: up to 8 free slots.

#ifndef OD_VALUE_HTTP_MESSAGE_H
#define OD_VALUE_HTTP_MESSAGE_H

#include <lua.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/response.h"

#define OD_HTTP_BODY_BYTES_MAX (32u << 20)   // Of a request or response that a script makes.
#define OD_HTTP_FIELDS_BYTES_MAX (64u << 10) // Names and values together.

// Pushes the table that lua/open-do/*.lua get their part of this from:
//
//   read_fields(bytes)    a Headers of encoded fields
//   is_a(name, value)     whether a value is a "Headers", "Request" or "Response"
//   define(name, value)   by which they say what the metatables of those names are, and
//                         "make_request", the function (url, init) -> Request, or nil and a text
void od_http_message_open(lua_State *L);

// The WebSocket end in a response's field `webSocket`, which only the engine knows. Set once,
// before the first response; while NULL, every socket is refused, and none is pushed.
// od_response_socket: the socket at [index], which goes out with the response; false and [err] when
// it is none, or one that cannot go (used, accepted). od_response_socket_push pushes one value.
typedef bool od_response_socket_fn(lua_State *L, int index, uint32_t *worker, uint64_t *socket,
                                   struct od_error *err);
typedef void od_response_socket_push_fn(lua_State *L, uint32_t worker, uint64_t socket,
                                        bool is_events);
extern od_response_socket_fn *od_response_socket;
extern od_response_socket_push_fn *od_response_socket_push;

// The same for a body in pieces: at [index] the function that writes it, or what was in the field
// `_stream` of a message that is passed on unread, which may be an event stream.
// od_response_stream_push pushes one value, for that field.
struct od_http_part { // What comes with a message (link/response.h).
    enum od_response_part kind;
    uint32_t worker;
    uint64_t number;
};
typedef bool od_response_stream_fn(lua_State *L, int index, struct od_http_part *part,
                                   struct od_error *err);
typedef void od_response_stream_push_fn(lua_State *L, uint32_t worker, uint64_t stream);
extern od_response_stream_fn *od_response_stream;
extern od_response_stream_push_fn *od_response_stream_push;

// Pushes a Request; a message that is none is a bug of ours and panics.
void od_request_push(lua_State *L, od_slice message);

// Pushes a Response, as stub:fetch returns it.
void od_response_push(lua_State *L, od_slice message);

// The message of what a handler returned at [index]. When that is no Response: "fetch returned a
// number; it must return an od.Response".
OD_MUST_CHECK bool od_response_encode(lua_State *L, int index, struct od_bytes *out,
                                      struct od_error *err);

// The message for stub:fetch(request | url, init?): at [index] a Request or a URL; at [init_index]
// a table or nil, and 0 says that there is none. It wins over the request's own fields. A URL may
// be a path ("/rooms?x=1"): it becomes "http://object/rooms?x=1", since a stub looks at no host.
// Runs only Lua of open-do's own.
OD_MUST_CHECK bool od_request_encode(lua_State *L, int index, int init_index, struct od_bytes *out,
                                     struct od_error *err);

#endif
