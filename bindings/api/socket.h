// WebSockets as scripts hold them: od.WebSocketPair and the userdata `ws`.
//
// A userdata is one *end*. The server's end of a pair becomes a socket when state:acceptWebSocket
// takes it; the client's end goes out in a Response, once. A connection has one userdata as long as
// anybody holds it, so `ws == other` and tables keyed by ws work; after a wake it is made anew from
// the socket's number.

#ifndef OD_API_SOCKET_H
#define OD_API_SOCKET_H

#include <lauxlib.h>

#include "base/slice.h"
#include "object/socket.h"

struct od_engine;

enum od_end_use {
    OD_END_NEW,      // One of a pair, not used yet.
    OD_END_ACCEPTED, // A socket of an object of this worker.
    OD_END_RETURNED, // Gone out in a Response.
    OD_END_REMOTE,   // The client's end of another object's socket, from a Response of stub:fetch.
};

struct od_end {
    enum od_end_use use;
    uint32_t worker;     // REMOTE.
    uint64_t socket;     // ACCEPTED, REMOTE: its number.
    bool is_returned;    // An event stream: it has gone out in a Response.
    bool has_closed;     // ACCEPTED: close was called. Remembered when the socket is gone.
    struct od_end *peer; // Of a pair; each keeps the other alive.
};

void od_lib_socket_open(lua_State *L); // Once a state.
void od_lib_socket_put(lua_State *L);  // WebSocketPair, into the table on top.

// Pushes the userdata of the socket [id]; quicker if engine->sockets_ref stands at [sockets].
void od_websocket_push(struct od_engine *engine, lua_State *L, uint64_t id);
void od_websocket_push_from(struct od_engine *engine, lua_State *L, int sockets, uint64_t id);

// Attachments, and what is to be known of it: for both kinds of userdata of ends.
extern const luaL_Reg od_end_methods[];
int od_end_property(lua_State *L);

// The end at [index], of a WebSocket or an event stream; NULL: it is none.
struct od_end *od_end_test(lua_State *L, int index);

// The end that is the argument at [index] of the method [call]; raises when it is none.
struct od_end *od_check_websocket(lua_State *L, int index, const char *call);

// The userdata at [index], whose end is [end], is from now on that of the socket [id].
void od_end_accept(struct od_engine *engine, lua_State *L, int index, struct od_end *end,
                   uint64_t id);

// The socket of an accepted end, or NULL when its connection is gone. Raises when it is another
// object's.
struct od_socket *od_end_socket(lua_State *L, const struct od_end *end, const char *call);

// Raises when a message sent as text is not UTF-8: the peer would have to fail the connection.
void od_check_text(lua_State *L, od_slice text, const char *call, const char *what);
void od_check_message(lua_State *L, od_slice message, bool is_binary, const char *call);

#endif
