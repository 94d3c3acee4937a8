#include "object/history.h"

#include <stdlib.h>
#include <string.h>

#include "object/trace.h"

// --- What happens --------------------------------------------------------------------------------

struct od_object_history *od_object_history_of(struct od_object *object)
{
    if (object->history == NULL)
        object->history = od_allocate_zeroed(sizeof *object->history);
    return object->history;
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
OD_SELDOM static void keep_name(struct od_object_history *history)
{
    if (history->method == NULL)
        history->method = od_allocate(OD_HISTORY_NAME_BYTES);
    copy(history->method, OD_HISTORY_NAME_BYTES, od_slice_of(history->last));
    history->last = history->method;
}

void od_object_history_begin(struct od_object *object, const struct od_event *event)
{
    if (od_object_is_entry(object))
        return;
    struct od_object_history *history = od_object_history_of(object);
    history->events++;
    history->last_us = object->objects->event_began_us;
    history->last = od_event_name(event);
    if (od_event_is_call(event))
        keep_name(history);
}

void od_object_history_ran(struct od_object *object, int64_t us)
{
    struct od_object_history *history = object->history;
    if (history == NULL)
        return;
    if (history->trace != NULL)
        od_trace_ran(object, us);
    history->run_us += us;
    if (us > history->slowest_us)
        history->slowest_us = us;
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
    struct od_object_history *history = od_object_history_of(object);
    if (history->mishap == NULL)
        history->mishap = od_allocate(sizeof *history->mishap);
    history->errors++;
    history->mishap->at_us = od_clock_passed_us();
    copy(history->mishap->where, sizeof history->mishap->where, where);
    copy(history->mishap->text, sizeof history->mishap->text, first_line(text));
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

void od_object_history_put(struct od_bytes *facts, const struct od_object_history *history)
{
    if (history == NULL)
        return;
    od_facts_number(facts, "events", history->events);
    od_facts_number(facts, "runUs", (uint64_t)history->run_us);
    od_facts_number(facts, "slowestUs", (uint64_t)history->slowest_us);
    if (history->last != NULL) {
        od_facts_text(facts, "lastEvent", od_slice_of(history->last));
        od_facts_number(facts, "lastEventMs", wall_ms_of(history->last_us));
    }
    od_facts_number(facts, "errors", history->errors);
    if (history->mishap != NULL)
        put_mishap(facts, history->mishap);
}

// --- Those that stay behind ----------------------------------------------------------------------

static void free_history(struct od_object_history *history)
{
    if (history == NULL)
        return;
    free(history->mishap);
    free(history->method);
    free(history);
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
    free_history(failed->history);
    free(failed);
}

static void stay_behind(struct od_object *object)
{
    struct od_objects *objects = object->objects;
    OD_ASSERT(object->history->trace == NULL);
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
    object->history = NULL;
}

void od_object_history_leave(struct od_object *object)
{
    if (object->history == NULL)
        return;
    od_trace_end(object);
    if (object->history->errors > 0)
        stay_behind(object);
    free_history(object->history);
    object->history = NULL;
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
    failed->history = NULL;
    forget(object->objects, failed);
}

void od_object_history_forget_all(struct od_objects *objects)
{
    while (!od_list_is_empty(&objects->failed))
        forget(objects, failed_of(objects->failed.next));
    od_map_deinit(&objects->failed_by_id);
}
