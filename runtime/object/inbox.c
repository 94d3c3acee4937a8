#include "object/inbox.h"

#include "object/call.h"
#include "object/socket.h"
#include "object/timeout.h"

static struct od_event *event_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_event, link);
}

void od_inbox_put(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(event->kind != OD_EVENT_RESUME);
    OD_ASSERT(od_list_is_empty(&event->link));
    od_list_push_back(&object->work->inbox, &event->link);
    object->inbox_count++;
    if (event->came_us == 0)
        event->came_us = od_objects_arrival_us(object->objects);
}

static void take_out(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(object->inbox_count > 0);
    od_list_remove(&event->link);
    object->inbox_count--;
}

struct od_event *od_inbox_take(struct od_object *object)
{
    OD_ASSERT(!od_list_is_empty(&object->work->inbox));
    struct od_event *event = event_of(object->work->inbox.next);
    take_out(object, event);
    if (event->kind == OD_EVENT_TIMER)
        od_timeout_begin(object, event);
    return event;
}

bool od_inbox_cancel(struct od_object *object, uint64_t call)
{
    OD_ASSERT(call != 0); // The number of events that nobody asked for.
    OD_LIST_EACH_SAFE (link, &object->work->inbox) {
        struct od_event *event = event_of(link);
        if (event->call != call)
            continue;
        take_out(object, event);
        od_event_free(event);
        return true;
    }
    return false;
}

// All calls are taken out, and [end] is told of each.
static void end_calls(struct od_object *object,
                      void (*end)(struct od_call *call, const void *context), const void *context)
{
    OD_LIST_EACH_SAFE (link, &object->work->inbox) {
        struct od_event *event = event_of(link);
        if (event->call == 0)
            continue;
        take_out(object, event);
        struct od_call *call = od_call_find(object->objects, event->call);
        if (call != NULL)
            end(call, context);
        od_event_free(event);
    }
}

static void refuse(struct od_call *call, const void *namespace)
{
    od_call_refuse(call, namespace);
}

void od_inbox_refuse(struct od_object *object)
{
    OD_ASSERT(object->namespace != NULL);
    end_calls(object, refuse, object->namespace);
}

static void fail(struct od_call *call, const void *failure)
{
    od_call_fail_with(call, 503, failure);
}

void od_inbox_give_up(struct od_object *object, od_slice why)
{
    struct od_failure failure = {.flags = OD_FAILURE_RETRYABLE, .message = why};
    end_calls(object, fail, &failure);
}

void od_inbox_forget_sockets(struct od_object *object)
{
    OD_LIST_EACH_SAFE (link, &object->work->inbox) {
        struct od_event *event = event_of(link);
        if (event->socket == NULL)
            continue;
        take_out(object, event);
        od_socket_forget_event(event->socket, event->size);
        od_event_free(event);
    }
}

static void free_events(struct od_list *events)
{
    struct od_list *link;
    while ((link = od_list_pop_front(events)) != NULL)
        od_event_free(event_of(link));
}

void od_inbox_deinit(struct od_object *object)
{
    free_events(&object->work->inbox);
    object->inbox_count = 0;
    free_events(&object->work->resumes);
}
