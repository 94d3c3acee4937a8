#include "handler.h"

#include <lauxlib.h>

#include "api/abort.h"
#include "api/command.h"
#include "api/socket.h"
#include "api/state.h"
#include "api/test.h"
#include "api/timer.h"
#include "engine/engine.h"
#include "engine/instance.h"
#include "link/invocation.h"
#include "object/alarm_event.h"
#include "object/parts/schedule.h"
#include "value/http_message.h"
#include "value/value.h"

od_slice od_handler_method(const struct od_task *task)
{
    struct od_invocation invocation;
    bool is_whole = od_invocation_read(od_event_bytes(task->event), &invocation);
    OD_ASSERT(is_whole);
    return invocation.method;
}

static bool push_referenced(lua_State *L, int ref)
{
    if (ref == LUA_NOREF)
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    return true;
}

static bool push_scheduled(lua_State *L, const struct od_class *class, const struct od_task *task)
{
    struct od_schedule schedule;
    return od_alarm_event_schedule(task->object, task->event, &schedule) &&
           od_class_push_own(L, class, schedule.method);
}

static struct od_class *class_of(const struct od_task *task)
{
    OD_ASSERT(task->object->instance != NULL);
    return ((struct od_instance *)task->object->instance)->class;
}

static __attribute__((noinline)) bool push_any(struct od_engine *engine, lua_State *L,
                                               const struct od_task *task, enum od_handler handler)
{
    if (handler == OD_HANDLER_BRANCH)
        return false;
    if (handler == OD_HANDLER_LEFT)
        return od_abort_push_handler(engine, L, task);
    if (od_test_push_handler(engine, L, task))
        return true;
    if (handler == OD_HANDLER_TIMER)
        return od_timer_push_function(L, task);
    if (od_object_is_entry(task->object))
        return push_referenced(L, engine->entry_ref);
    if (handler == OD_HANDLER_SCHEDULE)
        return push_scheduled(L, class_of(task), task);
    if (handler == OD_HANDLER_METHOD)
        return od_class_push_method(L, class_of(task), od_handler_method(task));
    if (handler == OD_HANDLER_COMMAND)
        return od_command_push_handler(L);
    return push_referenced(L, class_of(task)->handlers[handler]);
}

// Messages are the most by far.
bool od_handler_push(struct od_engine *engine, lua_State *L, const struct od_task *task,
                     enum od_handler handler)
{
    OD_ASSERT(handler < OD_HANDLER_KINDS);
    if (handler == OD_HANDLER_MESSAGE)
        return push_referenced(L, class_of(task)->handlers[handler]);
    return push_any(engine, L, task, handler);
}

void od_handler_miss(lua_State *L, const struct od_task *task, enum od_handler handler)
{
    if (handler < OD_HANDLER_COUNT && !od_object_is_entry(task->object))
        od_class_miss(L, class_of(task), handler, task->object->label);
}

// --- Arguments -----------------------------------------------------------------------------------

static int push_instance(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    OD_ASSERT(task->object->instance != NULL);
    OD_ASSERT(((struct od_coroutine *)task->thread)->L == L);
    od_instance_push_in(engine, task->thread, task->object->instance);
    return 1;
}

static int push_bytes(lua_State *L, const struct od_event *event)
{
    od_slice bytes = od_event_bytes(event);
    lua_pushlstring(L, bytes.at, bytes.size);
    return 1;
}

static int push_constructor(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    push_instance(engine, L, task);
    od_instance_push_state(L, lua_gettop(L));
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->env_ref);
    return 3;
}

static int push_entry(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    OD_ASSERT(task->event->kind == OD_EVENT_FETCH);
    od_request_push(L, od_event_bytes(task->event));
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->env_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->context_ref);
    return 3;
}

static int push_fetch(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    if (od_object_is_entry(task->object))
        return push_entry(engine, L, task);
    push_instance(engine, L, task);
    od_request_push(L, od_event_bytes(task->event));
    return 2;
}

static int push_message(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    OD_ASSERT(task->event->socket != NULL);
    OD_ASSERT(task->object->instance != NULL);
    od_instance_push_in(engine, task->thread, task->object->instance);
    od_websocket_push_from(engine, L, OD_COROUTINE_SOCKETS, task->event->socket->id);
    push_bytes(L, task->event);
    lua_pushboolean(L, task->event->is_binary);
    return 4;
}

static int push_open(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    OD_ASSERT(task->event->socket != NULL);
    push_instance(engine, L, task);
    od_websocket_push(engine, L, task->event->socket->id);
    lua_pushboolean(L, task->event->is_again);
    return 3;
}

static int push_close(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    OD_ASSERT(task->event->socket != NULL);
    push_instance(engine, L, task);
    od_websocket_push(engine, L, task->event->socket->id);
    lua_pushinteger(L, task->event->code);
    push_bytes(L, task->event);
    lua_pushboolean(L, task->event->was_clean);
    return 5;
}

static int push_events_close(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    push_instance(engine, L, task);
    od_websocket_push(engine, L, task->event->socket->id);
    return 2;
}

static int push_error(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    OD_ASSERT(task->event->socket != NULL);
    push_instance(engine, L, task);
    od_websocket_push(engine, L, task->event->socket->id);
    push_bytes(L, task->event);
    return 3;
}

static void push_info(lua_State *L, const struct od_alarm *alarm)
{
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, (lua_Integer)alarm->retries);
    lua_setfield(L, -2, "retryCount");
    lua_pushboolean(L, alarm->retries > 0);
    lua_setfield(L, -2, "isRetry");
    lua_pushnumber(L, (lua_Number)alarm->time_ms);
    lua_setfield(L, -2, "scheduledTime");
}

static int push_alarm(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    struct od_alarm_ring ring = od_alarm_event_of(task->event);
    push_instance(engine, L, task);
    push_info(L, &ring.alarm);
    return 2;
}

// The instance, the info, and what was given to schedule().
static int push_schedule(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    struct od_alarm_ring ring = od_alarm_event_of(task->event);
    struct od_schedule schedule;
    struct od_error err;
    push_instance(engine, L, task);
    push_info(L, &ring.alarm);
    lua_pushlstring(L, ring.name, ring.name_size);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, (lua_Integer)ring.missed);
    lua_setfield(L, -2, "missed");
    bool is_whole = od_alarm_event_schedule(task->object, task->event, &schedule);
    OD_ASSERT(is_whole);
    int count = od_values_decode(L, schedule.arguments, &err);
    return count < 0 ? -1 : 2 + count;
}

static int push_method(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    struct od_invocation invocation;
    struct od_error err;
    push_instance(engine, L, task);
    bool is_whole = od_invocation_read(od_event_bytes(task->event), &invocation);
    OD_ASSERT(is_whole);
    int count = od_values_decode(L, invocation.arguments, &err);
    return count < 0 ? -1 : 1 + count;
}

// The name of the command, the state and the instance, and what was sent.
static int push_command(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    struct od_error err;
    struct od_invocation invocation;
    bool is_whole = od_invocation_read(od_event_bytes(task->event), &invocation);
    OD_ASSERT(is_whole);
    lua_pushlstring(L, invocation.method.at, invocation.method.size);
    od_state_push(L, task->object->instance);
    push_instance(engine, L, task);
    int count = od_values_decode(L, invocation.arguments, &err);
    return count < 0 ? -1 : 3 + count;
}

static int push_timer(struct od_engine *engine, lua_State *L, const struct od_task *task)
{
    (void)engine;
    return od_timer_push_arguments(L, task);
}

static int (*const push_arguments[OD_HANDLER_KINDS])(struct od_engine *, lua_State *,
                                                     const struct od_task *) = {
    [OD_HANDLER_CONSTRUCTOR] = push_constructor,
    [OD_HANDLER_FETCH] = push_fetch,
    [OD_HANDLER_MESSAGE] = push_message,
    [OD_HANDLER_OPEN] = push_open,
    [OD_HANDLER_CLOSE] = push_close,
    [OD_HANDLER_EVENTS_CLOSE] = push_events_close,
    [OD_HANDLER_ERROR] = push_error,
    [OD_HANDLER_ALARM] = push_alarm,
    [OD_HANDLER_METHOD] = push_method,
    [OD_HANDLER_SCHEDULE] = push_schedule,
    [OD_HANDLER_TIMER] = push_timer,
    [OD_HANDLER_COMMAND] = push_command,
    [OD_HANDLER_LEFT] = od_abort_push_functions,
};

int od_handler_push_arguments(struct od_engine *engine, lua_State *L, const struct od_task *task,
                              enum od_handler handler)
{
    OD_ASSERT(push_arguments[handler] != NULL);
    return push_arguments[handler](engine, L, task);
}
