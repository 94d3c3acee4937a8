#include "object/parts/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "link/invocation.h"
#include "link/worker_page.h"

static const char *const names[] = {
    [OD_EVENT_FETCH] = "fetch",
    [OD_EVENT_COMMAND] = "command",
    [OD_EVENT_MESSAGE] = "webSocketMessage",
    [OD_EVENT_CLOSE] = OD_PAGE_CLOSE_NAME,
    [OD_EVENT_ERROR] = "webSocketError",
    [OD_EVENT_OPEN] = "webSocketOpen",
    [OD_EVENT_UNREACHED] = "webSocketError",
    [OD_EVENT_CALL] = "call",
    [OD_EVENT_ALARM] = OD_PAGE_ALARM_NAME,
    [OD_EVENT_TIMER] = "timer",
    [OD_EVENT_LEFT] = "onAbort",
    [OD_EVENT_BRANCH] = "branch",
    [OD_EVENT_RESUME] = "resume",
};

struct od_event *od_event_new(enum od_event_kind kind, od_slice bytes)
{
    OD_ASSERT(kind <= OD_EVENT_RESUME);
    struct od_event *event = od_allocate(sizeof *event + bytes.size);
    *event = (struct od_event){.kind = kind, .size = bytes.size};
    od_list_init(&event->link);
    if (bytes.size > 0)
        memcpy(event->bytes, bytes.at, bytes.size);
    return event;
}

struct od_event *od_event_new_of(enum od_event_kind kind, struct od_bytes *memory)
{
    OD_ASSERT(memory->at != NULL || memory->size == 0);
    struct od_event *event = od_event_new(kind, (od_slice){0});
    event->size = memory->size;
    event->memory = memory->at;
    od_bytes_init(memory);
    return event;
}

struct od_event *od_event_keep(struct od_event *event)
{
    if (event == NULL || !event->is_borrowed)
        return event;
    OD_ASSERT(od_list_is_empty(&event->link));
    struct od_event *kept = od_event_new(event->kind, od_event_bytes(event));
    kept->is_binary = event->is_binary;
    kept->socket = event->socket;
    kept->came_us = event->came_us;
    return kept;
}

void od_event_free(struct od_event *event)
{
    if (event == NULL || event->is_borrowed)
        return;
    free(event->memory);
    free(event);
}

od_slice od_event_bytes(const struct od_event *event)
{
    return (od_slice){event->memory != NULL ? event->memory : event->bytes, event->size};
}

bool od_event_kind_is_call(enum od_event_kind kind)
{
    return kind == OD_EVENT_CALL || kind == OD_EVENT_COMMAND;
}

bool od_event_is_call(const struct od_event *event)
{
    return od_event_kind_is_call(event->kind);
}

const char *od_event_kind_name(enum od_event_kind kind)
{
    OD_ASSERT(kind <= OD_EVENT_RESUME);
    return names[kind];
}

OD_SELDOM static const char *method_of(const struct od_event *event)
{
    struct od_invocation invocation;
    bool is_read = od_invocation_read(od_event_bytes(event), &invocation);
    return is_read ? invocation.method.at : names[event->kind];
}

const char *od_event_name(const struct od_event *event)
{
    return od_event_is_call(event) ? method_of(event) : od_event_kind_name(event->kind);
}
