// Event streams as scripts hold them: state:acceptEventStream and the userdata `stream`.
//
// To the core one is a socket (object/socket.h), and here it is an end, too (socket.h), of a kind
// of its own: it has what makes sense where only one side speaks.

#ifndef OD_API_EVENT_STREAM_H
#define OD_API_EVENT_STREAM_H

#include <lua.h>

#include "api/socket.h"
#include "value/http_message.h"

struct od_event_frame;

void od_lib_event_stream_open(lua_State *L); // Once a state.

// It goes out in a Response, once.
bool od_event_stream_take(lua_State *L, struct od_end *end, struct od_http_part *part,
                          struct od_error *err);

// The fields event and id of the options at [index] (nil: none); raises when they cannot be sent.
// Slices into the strings there.
void od_event_check(lua_State *L, int index, const char *call, struct od_event_frame *frame);

#endif
