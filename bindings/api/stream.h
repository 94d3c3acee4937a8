// Bodies in pieces: what a response's function writes to, and what reads the body of an answer.
//
// Two userdata. A *stream* is what the function in `od.Response(function(stream) ... end)` gets. A
// *body* is in the field `_stream` of a Response that came with its head only; lua/open-do/body.lua
// reads it. Both hold numbers (object/stream.h, object/sink.h).

#ifndef OD_API_STREAM_H
#define OD_API_STREAM_H

#include <stdbool.h>

#include <lua.h>

#include "base/check.h"

struct od_engine;
struct od_task;

void od_lib_stream_open(lua_State *L); // Once a state.

// [task] has answered with a function as the body: pushes it and the stream for it onto its
// coroutine, once. False: it has not.
OD_MUST_CHECK bool od_stream_push_function(struct od_engine *engine, const struct od_task *task);

// Whether that function runs in [task]; and it has returned, or failed.
bool od_stream_is_written(const struct od_task *task);
void od_stream_function_ended(struct od_task *task, bool is_whole);

// Whether the error on top of its coroutine says no more than that its client has gone, which
// happens every day.
bool od_stream_is_unwanted(const struct od_task *task);

// There will be no answer.
void od_stream_drop_function(struct od_engine *engine, struct od_task *task);

#endif
