#include "object/versions/switch.h"

#include <stdlib.h>

#include "object/call.h"
#include "object/crons.h"
#include "object/timeout.h"
#include "object/versions/leftovers.h"

// Requests that wait for an entry the new version does not have go where a request goes without
// one.
static void empty_entry(struct od_objects *objects)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&objects->entry->work->inbox)) != NULL) {
        struct od_event *event = OD_LIST_MEMBER(link, struct od_event, link);
        OD_ASSERT(objects->entry->inbox_count > 0);
        objects->entry->inbox_count--;
        struct od_call *call = od_call_find(objects, event->call);
        if (call != NULL)
            od_call_route(call, od_event_bytes(event), NULL);
        od_event_free(event);
    }
}

static void end_outdated(struct od_objects *objects, const struct od_script *script)
{
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->by_id, node)) != NULL)
        od_object_end_outdated(OD_MAP_MEMBER(node, struct od_object, by_id), script);
}

// Former versions that are still there have handlers that run, oldest version first.
static void outdated_passed(struct od_timer *timer)
{
    struct od_objects *objects = OD_TIMER_MEMBER(timer, struct od_objects, outdated_timer);
    od_time_ms due_ms = od_clock_monotonic_ms() - OD_OUTDATED_MS_MAX;
    OD_LIST_EACH (link, &objects->scripts) {
        const struct od_script *script = OD_LIST_MEMBER(link, struct od_script, link);
        if (script->outdated_ms > due_ms) {
            od_timers_set(objects->timers, timer, script->outdated_ms + OD_OUTDATED_MS_MAX);
            return;
        }
        end_outdated(objects, script);
    }
}

static void retire(struct od_objects *objects, struct od_script *script)
{
    OD_ASSERT(od_list_is_empty(&script->link));
    script->outdated_ms = od_clock_monotonic_ms();
    od_list_push_back(&objects->scripts, &script->link);
    objects->outdated_timer.fire = outdated_passed;
    if (!od_timer_is_set(&objects->outdated_timer))
        od_timers_set(objects->timers, &objects->outdated_timer,
                      script->outdated_ms + OD_OUTDATED_MS_MAX);
}

static void name_anew(struct od_namespace *namespace, const struct od_script *script)
{
    od_slice called = od_script_called_name(script, namespace->name);
    free((void *)(uintptr_t) namespace->called.at);
    namespace->called = (od_slice){NULL, 0};
    if (!od_slice_equal(called, namespace->name))
    namespace->called = (od_slice){od_text_copy(called), called.size};
}

void od_objects_switch(struct od_objects *objects, struct od_script *script)
{
    OD_ASSERT(script != NULL);
    OD_ASSERT(script != objects->script);
    OD_ASSERT(objects->entry->running == NULL);
    if (objects->script != NULL)
        retire(objects, objects->script);
    objects->script = script;
    od_timeouts_clear(objects->entry);
    if (!script->has_entry)
        empty_entry(objects);
    OD_LIST_EACH (link, &objects->namespaces)
        name_anew(OD_LIST_MEMBER(link, struct od_namespace, link), script);
    od_leftovers_begin(objects);
    od_crons_wake(objects, NULL);
}

bool od_objects_close_scripts(struct od_objects *objects)
{
    OD_LIST_EACH_SAFE (link, &objects->scripts) {
        struct od_script *script = OD_LIST_MEMBER(link, struct od_script, link);
        if (script->uses > 0)
            continue;
        if (!script->wind_up(script))
            return true;
        od_list_remove(link);
        script->close(script);
    }
    return false;
}
