// How an object comes to be, what holds for it as long as it is there, and how it ends.

#include "object/object_inner.h"

#include <stdlib.h>
#include <string.h>

#include "object/history.h"
#include "object/inbox.h"
#include "object/keep.h"
#include "object/names/label.h"
#include "object/names/route.h"
#include "object/object.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/pipe.h"
#include "object/rewind.h"
#include "object/socket.h"
#include "object/task.h"
#include "object/timeout.h"
#include "store/store.h"

_Static_assert(
    sizeof(struct od_object) <= 344 || sizeof(void *) != 8,
    "most objects sleep with their sockets: what one has only while it is busy is work.h");

// --- Its name ------------------------------------------------------------------------------------

// It is [name], which stays where it is. Once.
static void set_name(struct od_object *object, od_slice name)
{
    OD_ASSERT(!object->identity.has_name);
    object->identity.name = name;
    object->identity.has_name = true;
}

bool od_object_name(struct od_object *object, od_slice *name)
{
    struct od_identity stored;
    if (!object->identity.has_name &&
        od_store_identity_of(object->objects->store, object->identity.id, &stored) &&
        stored.has_name) {
        set_name(object, (od_slice){od_text_copy(stored.name), stored.name.size});
        object->has_name_apart = true;
    }
    *name = object->identity.name;
    return object->identity.has_name;
}

od_id od_object_id(const struct od_object *object)
{
    od_id id;
    memcpy(id.bytes, object->identity.id, OD_ID_BYTES);
    return id;
}

// --- Beginning and end ---------------------------------------------------------------------------

static void check_lists(const struct od_object *object)
{
    OD_ASSERT((object->inbox_count == 0) == od_list_is_empty(&object->work->inbox));
    OD_ASSERT((object->socket_count == 0) == od_list_is_empty(&object->sockets));
    OD_ASSERT((object->pipe_count == 0) == od_list_is_empty(&object->work->pipes));
    OD_ASSERT((object->timeout_count == 0) == od_list_is_empty(&object->work->timeouts));
    OD_ASSERT(od_list_is_empty(&object->work->syncing) || !od_list_is_empty(&object->work->gated));
}

static void check_instance(const struct od_object *object)
{
    bool has_instance = object->state == OD_WAKING || object->state == OD_AWAKE;
    if (!od_object_is_entry(object)) // Which never has one, and is always awake.
        OD_ASSERT((object->script != NULL) == has_instance);
    OD_ASSERT(!object->is_retired || object->script != NULL);
    OD_ASSERT(od_list_is_empty(&object->work->awake) || has_instance);
}

void od_object_check(const struct od_object *object)
{
    OD_ASSERT(object->state != OD_GONE);
    OD_ASSERT(object->running == NULL || object->running->object == object);
    OD_ASSERT(object->work->transaction == NULL || object->work->section != NULL);
    OD_ASSERT(object->call_count > 0 || object->work->call_bytes == 0);
    OD_ASSERT(!object->is_reset || object->work->reset_why.size > 0);
    OD_ASSERT(object->work->share.owed_us >= 0);
    check_lists(object);
    check_instance(object);
    OD_ASSERT(object->work->object == object || od_work_is_empty(object->work));
}

static void init_identity(struct od_object *object, const od_id *id)
{
    object->identity.space = object->namespace->name;
    memcpy(object->identity.id, id->bytes, OD_ID_BYTES);
    od_storage_init(&object->storage, object->objects->store, &object->identity);
    object->storage.owner = object;
}

OD_SELDOM static void make_work(struct od_object *object)
{
    object->work = od_work_new(&object->objects->works, object);
}

inline struct od_work *od_object_work(struct od_object *object)
{
    OD_ASSERT(object->state != OD_GONE);
    if (object->work->object != object)
        make_work(object);
    return object->work;
}

static void give_work(struct od_object *object)
{
    struct od_work *work = object->work;
    object->work = od_work_at_rest();
    if (work != object->work)
        od_work_free(&object->objects->works, work);
}

void od_object_rest(struct od_object *object)
{
    od_object_check(object);
    if (object->state == OD_ASLEEP && object->call_count == 0 && !object->is_reset &&
        od_work_is_empty(object->work))
        give_work(object);
}

static struct od_object *make_of(size_t label_bytes)
{
    OD_ASSERT(label_bytes > 0);
    return od_allocate_zeroed(sizeof(struct od_object) + label_bytes);
}

static struct od_object *make_labelled(const struct od_namespace *namespace, const od_id *id,
                                       bool has_name, od_slice name)
{
    od_slice space = od_namespace_called(namespace);
    has_name = has_name && name.size <= OD_NAME_BYTES_MAX;
    struct od_object *object = make_of(od_label_bytes(space, has_name, name));
    od_label_put(object->label, space, id, has_name, name);
    if (has_name) // Which is the end of the label.
        set_name(object, (od_slice){object->label + space.size + 1, name.size});
    return object;
}

struct od_object *od_object_new(struct od_objects *objects, struct od_namespace *namespace,
                                const od_id *id, bool has_name, od_slice name)
{
    OD_ASSERT(namespace == NULL || id != NULL);
    struct od_object *object =
        namespace != NULL ? make_labelled(namespace, id, has_name, name) : make_of(sizeof "entry");
    object->objects = objects;
    object->namespace = namespace;
    od_list_init(&object->sockets);
    object->work = od_work_at_rest();
    if (namespace != NULL)
        init_identity(object, id);
    else
        memcpy(object->label, "entry", sizeof "entry");
    return object;
}

void od_object_free(struct od_object *object)
{
    OD_ASSERT(object->objects->unsettled != object);
    OD_ASSERT(object->running == NULL);
    if (!od_object_is_entry(object))
        od_storage_discard(&object->storage);
    // Callers first: they are other objects' tasks, and may be answered into this one's queues.
    od_outbox_drop(object, &od_object_server_stops);
    OD_ASSERT(object->work->outbox_bytes == 0);
    while (!od_list_is_empty(&object->work->tasks))
        od_task_free(OD_LIST_MEMBER(object->work->tasks.next, struct od_task, link));
    od_rewind_abandon(object);
    od_object_cut_sockets(object);
    OD_ASSERT(object->socket_count == 0);
    od_timeouts_clear(object);
    od_pipes_end(object);
    od_inbox_deinit(object);
    OD_ASSERT(object->work->section == NULL);
    OD_ASSERT(object->work->transaction == NULL);
    if (object->script != NULL)
        od_object_drop_instance(object);
    od_list_remove(&object->work->ready);
    od_list_remove(&object->work->gated);
    od_list_remove(&object->work->idle);
    od_list_remove(&object->work->outgoing.turn);
    od_objects_forget_awake(object);
    if (!od_object_is_entry(object)) {
        od_storage_deinit(&object->storage);
        od_map_remove(&object->objects->by_id, &object->by_id);
    }
    if (object->objects->shown == object)
        object->objects->shown = NULL;
    od_keep_forget_object(object);
    od_object_history_leave(object);
    od_auto_response_free(object->auto_response);
    give_work(object);
    if (object->has_name_apart)
        free((void *)(uintptr_t)object->identity.name.at);
    free(object);
}

// --- What its code sets
// ---------------------------------------------------------------------------

void od_object_set_auto_response(struct od_object *object, od_slice request, od_slice response)
{
    OD_ASSERT(request.size <= OD_AUTO_RESPONSE_BYTES_MAX);
    OD_ASSERT(response.size <= OD_AUTO_RESPONSE_BYTES_MAX);
    od_object_check(object);
    od_auto_response_free(object->auto_response);
    object->auto_response = request.at == NULL ? NULL : od_auto_response_new(request, response);
    od_keep_object(object);
}

void od_object_set_event_timeout(struct od_object *object, uint32_t ms)
{
    OD_ASSERT(ms <= OD_EVENT_TIMEOUT_MS_MAX);
    od_object_check(object);
    object->event_timeout_ms = ms;
    od_keep_object(object);
}
