#include "object/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "link/worker_page.h"
#include "net/exchange.h"
#include "net/net.h"
#include "object/call.h"
#include "object/call_sent.h"
#include "object/history.h"
#include "object/outbox.h"
#include "object/refusal.h"
#include "object/stream.h"
#include "object/task.h"
#include "object/timeout.h"
#include "object/trace.h"
#include "store/store.h"

static void idle_passed(struct od_timer *timer);

static void check(const struct od_objects *objects)
{
    OD_ASSERT(objects->worker < objects->worker_count);
    OD_ASSERT(objects->peers[objects->worker] == NULL);
    OD_ASSERT((objects->awake_count == 0) == od_list_is_empty(&objects->awake));
    OD_ASSERT(objects->awake_count <= objects->by_id.size);
    OD_ASSERT(objects->outgoing.running_count <= OD_OUTGOING_WORKER_MAX);
    OD_ASSERT(objects->passwords <= OD_PASSWORDS_MAX);
}

void od_objects_init(struct od_objects *objects)
{
    OD_ASSERT(objects->script == NULL);
    OD_ASSERT(objects->page != NULL);
    od_list_init(&objects->scripts);
    od_list_init(&objects->namespaces);
    od_list_init(&objects->ready);
    od_list_init(&objects->gated);
    od_list_init(&objects->idle);
    od_list_init(&objects->awake);
    od_list_init(&objects->refusals);
    od_list_init(&objects->failed);
    od_list_init(&objects->traces);
    od_map_init(&objects->failed_by_id);
    od_list_init(&objects->outgoing.objects);
    od_map_init(&objects->by_id);
    od_map_init(&objects->sockets);
    od_slab_init(&objects->tasks, sizeof(struct od_task));
    od_slab_init(&objects->effects, sizeof(struct od_effect) + OD_OUTBOX_SMALL_BYTES);
    od_slab_init(&objects->works, sizeof(struct od_work));
    od_map_init(&objects->timeouts);
    od_map_init(&objects->calls);
    od_slab_init(&objects->call_blocks, sizeof(struct od_call));
    od_map_init(&objects->peer_calls);
    od_map_init(&objects->streams);
    od_map_init(&objects->sinks);
    od_map_init(&objects->pipes);
    objects->entry = od_object_new(objects, NULL, NULL, false, (od_slice){NULL, 0});
    objects->entry->state = OD_AWAKE; // It has no instance that could sleep.
    od_object_work(objects->entry)->awake_since_ms = od_clock_monotonic_ms();
    objects->durable = 0;
    // Numbers of a former life of this worker find nothing.
    objects->next_number = objects->page->last_number;
    objects->awake_count = 0;
    objects->borrowed = od_event_new(OD_EVENT_MESSAGE, (od_slice){NULL, 0});
    objects->borrowed->is_borrowed = true;
    objects->relieved_bytes = 0;
    od_keep_init(objects);
    od_calls_sent_init(objects);
    objects->idle_timer = (struct od_timer){.fire = idle_passed};
}

static void free_calls(struct od_objects *objects)
{
    struct od_map_node *node;
    while ((node = od_map_next(&objects->calls, NULL)) != NULL)
        od_call_cancel(OD_MAP_MEMBER(node, struct od_call, by_id));
}

static void close_all_scripts(struct od_objects *objects)
{
    if (objects->script != NULL)
        od_list_push_back(&objects->scripts, &objects->script->link);
    objects->script = NULL;
    struct od_list *link;
    while ((link = od_list_pop_front(&objects->scripts)) != NULL) {
        struct od_script *script = OD_LIST_MEMBER(link, struct od_script, link);
        OD_ASSERT(script->uses == 0);
        script->close(script);
    }
}

void od_objects_deinit(struct od_objects *objects)
{
    free_calls(objects);
    struct od_map_node *node;
    while ((node = od_map_next(&objects->by_id, NULL)) != NULL)
        od_object_free(OD_MAP_MEMBER(node, struct od_object, by_id));
    od_object_free(objects->entry);
    OD_ASSERT(objects->by_id.size == 0);
    OD_ASSERT(objects->sockets.size == 0);
    OD_ASSERT(objects->pipes.size == 0);
    OD_ASSERT(objects->tasks.size == 0);
    OD_ASSERT(objects->leftovers == NULL);
    od_object_history_forget_all(objects);
    free_calls(objects);
    od_streams_end(objects);
    close_all_scripts(objects);
    od_timers_clear(objects->timers, &objects->idle_timer);
    od_timers_clear(objects->timers, &objects->outdated_timer);
    od_refusals_deinit(objects);
    od_keep_deinit(objects);
    od_calls_sent_deinit(objects);
    od_call_marks_deinit(&objects->call_marks);
    struct od_list *link;
    while ((link = od_list_pop_front(&objects->namespaces)) != NULL) {
        struct od_namespace *namespace = OD_LIST_MEMBER(link, struct od_namespace, link);
        free((void *)(uintptr_t) namespace->name.at);
        free((void *)(uintptr_t) namespace->called.at);
        free(namespace);
    }
    free(objects->borrowed);
    od_map_deinit(&objects->by_id);
    od_map_deinit(&objects->sockets);
    od_slab_deinit(&objects->tasks);
    od_slab_deinit(&objects->effects);
    od_slab_deinit(&objects->works);
    od_map_deinit(&objects->timeouts);
    od_map_deinit(&objects->calls);
    od_slab_deinit(&objects->call_blocks);
    od_map_deinit(&objects->peer_calls);
    od_map_deinit(&objects->streams);
    od_map_deinit(&objects->sinks);
    od_map_deinit(&objects->pipes);
}

struct od_namespace *od_objects_namespace(struct od_objects *objects, od_slice name)
{
    OD_LIST_EACH (link, &objects->namespaces) {
        struct od_namespace *namespace = OD_LIST_MEMBER(link, struct od_namespace, link);
        if (od_slice_equal(namespace->name, name))
            return namespace;
    }
    return NULL;
}

od_slice od_namespace_called(const struct od_namespace *namespace)
{
    return namespace->called.size > 0 ? namespace->called : namespace->name;
}

struct od_namespace *od_objects_namespace_called(struct od_objects *objects, od_slice called)
{
    OD_LIST_EACH (link, &objects->namespaces) {
        struct od_namespace *namespace = OD_LIST_MEMBER(link, struct od_namespace, link);
        if (od_slice_equal(namespace->called, called) && called.size > 0)
            return namespace;
    }
    return od_objects_namespace(objects, called);
}

struct od_namespace *od_objects_add_namespace(struct od_objects *objects, od_slice name)
{
    struct od_namespace *namespace = od_objects_namespace(objects, name);
    if (namespace != NULL)
        return namespace;
    namespace = od_allocate_zeroed(sizeof *namespace);
    char *copy = od_allocate(name.size);
    memcpy(copy, name.at, name.size);
    namespace->name = (od_slice){copy, name.size};
    namespace->key = od_namespace_key_of(name);
    od_list_init(&namespace->link);
    od_list_push_back(&objects->namespaces, &namespace->link);
    return namespace;
}

bool od_objects_serve(const struct od_objects *objects, const struct od_namespace *namespace)
{
    return objects->script != NULL && objects->script->serves(objects->script, namespace);
}

static void end_timeouts(struct od_objects *objects)
{
    od_timeouts_clear(objects->entry);
    od_object_settle(objects->entry);
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->by_id, node)) != NULL) {
        struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
        od_timeouts_clear(object);
        od_object_settle(object);
    }
}

void od_objects_drain(struct od_objects *objects)
{
    check(objects);
    objects->is_draining = true;
    od_calls_sent_give_up(objects);
    end_timeouts(objects);
}

// It stays unanswered, and its connection shows that it has not begun.
static void leave_request(struct od_call *call)
{
    const struct od_exchange *exchange =
        call->from == OD_FROM_EXCHANGE ? od_net_exchange(call->objects->net, call->origin) : NULL;
    if (exchange != NULL && !od_exchange_has_begun(exchange))
        od_call_cancel(call);
}

void od_objects_leave(struct od_objects *objects)
{
    objects->is_leaving = true;
    for (uint32_t i = 0; i < objects->worker_count; i++)
        od_calls_sent_leave(objects, i); // What lies in links leaves before this worker does.
    struct od_map_node *node = od_map_next(&objects->calls, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&objects->calls, node);
        leave_request(OD_MAP_MEMBER(node, struct od_call, by_id));
    }
    end_timeouts(objects);
}

od_time_ms od_objects_oldest_task_ms(const struct od_objects *objects)
{
    od_time_ms now_ms = od_clock_monotonic_ms(), oldest_ms = now_ms;
    const struct od_task *task = NULL;
    while ((task = od_slab_next(&objects->tasks, task)) != NULL)
        oldest_ms = task->began_ms < oldest_ms ? task->began_ms : oldest_ms;
    return now_ms - oldest_ms;
}

// A socket without a connection is about to get it; one to outside is dialled by the next worker.
static bool are_attached(const struct od_objects *objects)
{
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->sockets, node)) != NULL) {
        const struct od_socket *socket = OD_MAP_MEMBER(node, struct od_socket, by_id);
        if (!socket->is_attached && socket->wish == NULL)
            return false;
    }
    return true;
}

bool od_objects_are_still(const struct od_objects *objects)
{
    return objects->tasks.size == 0 && objects->calls.size == 0 &&
           od_list_is_empty(&objects->ready) && od_list_is_empty(&objects->gated) &&
           are_attached(objects);
}

static bool has_id(const struct od_map_node *node, const void *key)
{
    return memcmp(OD_MAP_MEMBER(node, struct od_object, by_id)->identity.id, key, OD_ID_BYTES) == 0;
}

void od_objects_list(struct od_objects *objects, od_slice space, struct od_bytes *identities)
{
    const struct od_namespace *namespace = od_objects_namespace_called(objects, space);
    od_store_list(objects->store, namespace == NULL ? space : namespace->name, identities);
}

struct od_object *od_objects_find(struct od_objects *objects, const od_id *id)
{
    struct od_map_node *node = od_map_find(&objects->by_id, od_id_hash(id), has_id, id->bytes);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_object, by_id);
}

bool od_objects_name(struct od_objects *objects, const od_id *id, od_slice *name)
{
    struct od_object *object = od_objects_find(objects, id);
    struct od_identity stored;
    if (object != NULL)
        return od_object_name(object, name);
    if (!od_store_identity_of(objects->store, id->bytes, &stored) || !stored.has_name)
        return false;
    *name = stored.name;
    return true;
}

struct od_object *od_objects_get(struct od_objects *objects, struct od_namespace *namespace,
                                 const od_id *id, bool has_name, od_slice name)
{
    OD_ASSERT(namespace != NULL);
    struct od_object *object = od_objects_find(objects, id);
    if (object != NULL)
        return object;
    object = od_object_new(objects, namespace, id, has_name, name);
    object->refusal = od_refusal_find(objects, id->bytes);
    od_object_history_return(object);
    od_map_put(&objects->by_id, &object->by_id, od_id_hash(id));
    return object;
}

static void resume_synced(struct od_object *object)
{
    OD_LIST_EACH_SAFE (link, &object->work->syncing) {
        struct od_task *task = OD_LIST_MEMBER(link, struct od_task, syncing);
        if (task->sync_seq <= object->objects->durable)
            od_task_synced(task);
    }
}

static void release(struct od_object *object)
{
    od_outbox_release(object);
    resume_synced(object);
    od_object_settle(object);
}

void od_objects_durable(struct od_objects *objects, uint64_t seq)
{
    check(objects);
    OD_ASSERT(seq >= objects->durable);
    objects->durable = seq;
    od_traces_durable(objects);
    struct od_list waiting; // Apart, as one object's effects can reach others that wait.
    od_list_init(&waiting);
    od_list_move_all(&waiting, &objects->gated);
    struct od_list *link;
    while ((link = od_list_pop_front(&waiting)) != NULL) {
        od_list_push_back(&objects->gated, link);
        release(OD_LIST_MEMBER(link, struct od_work, gated)->object);
    }
}

// --- Awake and idle objects ---------------------------------------------------------------------

void od_objects_watch_awake(struct od_object *object)
{
    OD_ASSERT(od_list_is_empty(&object->work->awake));
    od_object_work(object)->awake_since_ms = od_clock_monotonic_ms_at(object->objects->now_us);
    od_list_push_back(&object->objects->awake, &object->work->awake);
    object->objects->awake_count++;
}

void od_objects_forget_awake(struct od_object *object)
{
    if (od_list_is_empty(&object->work->awake))
        return;
    od_list_remove(&object->work->awake);
    OD_ASSERT(object->objects->awake_count > 0);
    object->objects->awake_count--;
}

void od_objects_watch_idle(struct od_object *object)
{
    OD_ASSERT(od_list_is_empty(&object->work->idle));
    OD_ASSERT(od_list_is_empty(&object->work->tasks));
    struct od_objects *objects = object->objects;
    od_list_push_back(&objects->idle, &od_object_work(object)->idle);
    if (!od_timer_is_set(&objects->idle_timer))
        od_timers_set(objects->timers, &objects->idle_timer,
                      object->work->idle_since_ms + objects->idle_ms);
}

void od_objects_put_to_rest(struct od_object *object)
{
    od_object_check(object);
    OD_ASSERT(object->call_count == 0);
    od_list_remove(&object->work->idle);
    od_log(OD_LOG_DEBUG, object->label, "sleeps, %u WebSockets stay", object->socket_count);
    od_object_sleep(object);
    if (object->socket_count == 0 && od_storage_is_clean(&object->storage) &&
        !od_trace_is_on(object) && !object->may_rewind) {
        od_object_free(object);
        return;
    }
    object->work->share = (struct od_share){0}; // It has rested for longer than it can owe.
    od_object_settle(object);
    od_object_rest(object);
}

static struct od_object *first_idle(const struct od_objects *objects)
{
    return OD_LIST_MEMBER(objects->idle.next, struct od_work, idle)->object;
}

// Tables have grown with what was there.
static void fit_maps(struct od_objects *objects)
{
    struct od_map *const maps[] = {&objects->by_id, &objects->sockets, &objects->timeouts,
                                   &objects->calls, &objects->peer_calls};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        od_map_fit(maps[i]);
    od_slab_fit(&objects->tasks);
    od_slab_fit(&objects->effects);
    od_slab_fit(&objects->store->entries);
    od_slab_fit(&objects->works);
    od_slab_fit(&objects->call_blocks);
}

// Many may be due at once; events come in between.
static void idle_passed(struct od_timer *timer)
{
    struct od_objects *objects = OD_TIMER_MEMBER(timer, struct od_objects, idle_timer);
    od_time_ms due_ms = od_clock_monotonic_ms() - objects->idle_ms;
    int64_t ends_us = od_clock_passed_us() + OD_TURN_SLEEPS_US;
    while (!od_list_is_empty(&objects->idle) && od_clock_passed_us() < ends_us) {
        if (first_idle(objects)->work->idle_since_ms > due_ms)
            break;
        od_objects_put_to_rest(first_idle(objects));
    }
    fit_maps(objects);
    if (od_list_is_empty(&objects->idle))
        return;
    od_time_ms next_ms = first_idle(objects)->work->idle_since_ms;
    od_timers_set(objects->timers, timer,
                  (next_ms > due_ms ? next_ms : due_ms + 1) + objects->idle_ms);
}
