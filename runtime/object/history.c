#include "object/history.h"

#include <stdlib.h>
#include <string.h>

#include "object/objects.h"
#include "object/trace.h"

// --- What happens --------------------------------------------------------------------------------

struct od_history_odds *od_object_history_odds(struct od_object *object)
{
    if (object->history.odds == NULL)
        object->history.odds = od_allocate_zeroed(sizeof *object->history.odds);
    return object->history.odds;
}

static uint64_t errors_of(const struct od_object_history *history)
{
    return history->odds == NULL ? 0 : history->odds->errors;
}

uint64_t od_object_history_errors(const struct od_object *object)
{
    return errors_of(&object->history);
}

static void copy(char *to, size_t room, od_slice text)
{
    OD_ASSERT(room > 0);
    size_t size = text.size < room - 1 ? text.size : room - 1;
    if (size > 0)
        memcpy(to, text.at, size);
    to[size] = '\0';
}

// The name of a method goes with its event.
OD_SELDOM static void keep_name(struct od_object *object, const struct od_event *event)
{
    copy(od_object_history_odds(object)->method, OD_HISTORY_NAME_BYTES,
         od_slice_of(od_event_name(event)));
}

void od_object_history_begin(struct od_object *object, const struct od_event *event)
{
    if (od_object_is_entry(object))
        return;
    struct od_object_history *history = &object->history;
    history->events++;
    history->last_us = object->objects->event_began_us;
    history->last = (uint8_t)event->kind;
    if (od_event_is_call(event))
        keep_name(object, event);
}

void od_object_history_ran(struct od_object *object, int64_t us)
{
    if (od_object_is_entry(object))
        return;
    struct od_object_history *history = &object->history;
    if (history->odds != NULL && history->odds->trace != NULL)
        od_trace_ran(object, us);
    history->run_us += us;
    if (us > history->slowest_us)
        history->slowest_us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static od_slice first_line(od_slice text)
{
    const char *end = text.size == 0 ? NULL : memchr(text.at, '\n', text.size);
    return (od_slice){text.at, end == NULL ? text.size : (size_t)(end - text.at)};
}

void od_object_history_error(struct od_object *object, od_slice where, od_slice text)
{
    if (od_object_is_entry(object))
        return;
    struct od_history_odds *odds = od_object_history_odds(object);
    if (odds->mishap == NULL)
        odds->mishap = od_allocate(sizeof *odds->mishap);
    odds->errors++;
    odds->mishap->at_us = od_clock_passed_us();
    copy(odds->mishap->where, sizeof odds->mishap->where, where);
    copy(odds->mishap->text, sizeof odds->mishap->text, first_line(text));
}

// --- What is told --------------------------------------------------------------------------------

static uint64_t wall_ms_of(int64_t passed_us)
{
    return (uint64_t)(od_clock_wall_ms() - (od_clock_passed_us() - passed_us) / 1000);
}

static void put_mishap(struct od_bytes *facts, const struct od_mishap *mishap)
{
    od_facts_text(facts, "lastError", od_slice_of(mishap->text));
    if (mishap->where[0] != '\0')
        od_facts_text(facts, "lastErrorAt", od_slice_of(mishap->where));
    od_facts_number(facts, "lastErrorMs", wall_ms_of(mishap->at_us));
}

static const char *last_of(const struct od_object_history *history)
{
    OD_ASSERT(history->events > 0);
    bool is_call = od_event_kind_is_call(history->last);
    return is_call ? history->odds->method : od_event_kind_name(history->last);
}

void od_object_history_put(struct od_bytes *facts, const struct od_object_history *history)
{
    if (history == NULL || (history->events == 0 && history->odds == NULL))
        return;
    od_facts_number(facts, "events", history->events);
    od_facts_number(facts, "runUs", (uint64_t)history->run_us);
    od_facts_number(facts, "slowestUs", history->slowest_us);
    if (history->events > 0) {
        od_facts_text(facts, "lastEvent", od_slice_of(last_of(history)));
        od_facts_number(facts, "lastEventMs", wall_ms_of(history->last_us));
    }
    od_facts_number(facts, "errors", errors_of(history));
    if (history->odds != NULL && history->odds->mishap != NULL)
        put_mishap(facts, history->odds->mishap);
}

// --- Those that stay behind ----------------------------------------------------------------------

static void free_odds(struct od_history_odds *odds)
{
    if (odds == NULL)
        return;
    OD_ASSERT(odds->trace == NULL);
    free(odds->mishap);
    free(odds);
}

static struct od_failed *failed_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_failed, link);
}

static void forget(struct od_objects *objects, struct od_failed *failed)
{
    OD_ASSERT(objects->failed_by_id.size > 0);
    od_map_remove(&objects->failed_by_id, &failed->by_id);
    od_list_remove(&failed->link);
    free((void *)(uintptr_t)failed->identity.name.at);
    free_odds(failed->history.odds);
    free(failed);
}

static void stay_behind(struct od_object *object)
{
    struct od_objects *objects = object->objects;
    OD_ASSERT(object->history.odds->trace == NULL);
    OD_ASSERT(objects->failed_by_id.size <= OD_FAILED_MAX);
    if (objects->failed_by_id.size == OD_FAILED_MAX)
        forget(objects, failed_of(objects->failed.next));
    struct od_failed *failed = od_allocate_zeroed(sizeof *failed);
    od_id id = od_object_id(object);
    failed->identity = object->identity;
    if (object->identity.has_name)
        failed->identity.name.at = od_text_copy(object->identity.name);
    else
        failed->identity.name.at = NULL;
    failed->history = object->history;
    od_list_init(&failed->link);
    od_list_push_back(&objects->failed, &failed->link);
    od_map_put(&objects->failed_by_id, &failed->by_id, od_id_hash(&id));
    object->history = (struct od_object_history){0};
}

void od_object_history_leave(struct od_object *object)
{
    od_trace_end(object);
    if (errors_of(&object->history) > 0)
        stay_behind(object);
    free_odds(object->history.odds);
    object->history.odds = NULL;
}

static bool has_id(const struct od_map_node *node, const void *key)
{
    const struct od_failed *failed = OD_MAP_MEMBER(node, struct od_failed, by_id);
    return memcmp(failed->identity.id, key, OD_ID_BYTES) == 0;
}

static struct od_failed *find(const struct od_objects *objects, const od_id *id)
{
    struct od_map_node *node =
        od_map_find(&objects->failed_by_id, od_id_hash(id), has_id, id->bytes);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_failed, by_id);
}

const struct od_failed *od_object_history_find_failed(const struct od_objects *objects,
                                                      const od_id *id)
{
    return find(objects, id);
}

void od_object_history_return(struct od_object *object)
{
    od_id id = od_object_id(object);
    struct od_failed *failed = find(object->objects, &id);
    if (failed == NULL)
        return;
    object->history = failed->history;
    failed->history.odds = NULL;
    forget(object->objects, failed);
}

void od_object_history_forget_all(struct od_objects *objects)
{
    while (!od_list_is_empty(&objects->failed))
        forget(objects, failed_of(objects->failed.next));
    od_map_deinit(&objects->failed_by_id);
}
