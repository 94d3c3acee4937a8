#include "object/versions/leftovers.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "object/names/route.h"
#include "object/wish.h"
#include "store/store.h"

struct count {
    od_slice space; // A namespace's own.
    uint64_t objects;
};

struct od_leftovers {
    bool is_walking;
    char place[2 + OD_ID_BYTES]; // Up to which the directory was walked.
    size_t place_bytes;
    uint32_t looked_at; // In this turn.
    struct count counts[OD_LEFTOVERS_NAMED_MAX];
    size_t count_count;
    od_id deleting[OD_LEFTOVERS_DELETING_MAX]; // Their structs are still there.
    size_t deleting_count;
    uint64_t deleted;
};

// --- Which they are ------------------------------------------------------------------------------

static bool is_deleted(const struct od_objects *objects, od_slice space)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&objects->script->deleted));
    while (!od_cursor_at_end(&cursor)) {
        if (od_slice_equal(od_cursor_string(&cursor), space))
            return true;
    }
    return false;
}

static bool is_left(const struct od_objects *objects, const struct od_namespace *namespace)
{
    return !od_objects_serve(objects, namespace);
}

// --- Deleting ------------------------------------------------------------------------------------

static void delete_object(struct od_object *object)
{
    OD_ASSERT(!od_object_is_entry(object));
    struct od_error err;
    bool is_used = !od_list_is_empty(&object->work->tasks) || object->socket_count > 0;
    if (is_used) // Somebody loses something, and the log says so.
        od_object_abort(object, OD_SLICE("its namespace is deleted"), false);
    else
        od_object_sleep(object);
    if (!od_storage_delete_all(&object->storage, false, &err))
        od_log(OD_LOG_ERROR, object->label, "it cannot be deleted: %s", err.text);
    od_wish_drop_ended(object);
    od_storage_seal(&object->storage);
    od_object_settle(object);
    object->objects->leftovers->deleted++;
}

static void delete_stored(struct od_objects *objects, struct od_namespace *namespace,
                          const struct od_identity *identity)
{
    od_id id;
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    if (od_worker_of(&id, objects->worker_count) != objects->worker)
        return;
    struct od_object *object =
        od_objects_get(objects, namespace, &id, identity->has_name, identity->name);
    if (!od_storage_has_anything(&object->storage)) // It is on its way already.
        return;
    delete_object(object);
    struct od_leftovers *leftovers = objects->leftovers;
    OD_ASSERT(leftovers->deleting_count < OD_LEFTOVERS_DELETING_MAX);
    leftovers->deleting[leftovers->deleting_count++] = id;
}

// Once its writes are on disk nobody needs it; it would be idle for a while otherwise.
static void let_go(struct od_objects *objects)
{
    struct od_leftovers *leftovers = objects->leftovers;
    size_t left = 0;
    for (size_t i = 0; i < leftovers->deleting_count; i++) {
        struct od_object *object = od_objects_find(objects, &leftovers->deleting[i]);
        bool is_over = object == NULL || od_storage_is_clean(&object->storage);
        if (!is_over)
            leftovers->deleting[left++] = leftovers->deleting[i];
        else if (object != NULL && !od_list_is_empty(&object->work->idle))
            od_object_free(object);
    }
    leftovers->deleting_count = left;
}

// --- Counting ------------------------------------------------------------------------------------

static void count(struct od_leftovers *leftovers, const struct od_namespace *namespace)
{
    OD_ASSERT(leftovers->count_count <= OD_LEFTOVERS_NAMED_MAX);
    size_t i = 0;
    while (i < leftovers->count_count &&
           !od_slice_equal(leftovers->counts[i].space, namespace->name))
        i++;
    if (i == OD_LEFTOVERS_NAMED_MAX)
        return;
    if (i == leftovers->count_count)
        leftovers->counts[leftovers->count_count++] = (struct count){namespace->name, 0};
    leftovers->counts[i].objects++;
}

// The script calls another one by this name.
static bool tell_hidden(struct od_objects *objects, const struct count *count)
{
    const struct od_namespace *other = od_objects_namespace_called(objects, count->space);
    if (od_slice_equal(other->name, count->space))
        return false;
    od_log(OD_LOG_WARN, NULL,
           "%llu object%s stored as '%.*s', which the script now calls what is stored as '%.*s': "
           "kept, and not to be reached",
           (unsigned long long)count->objects, count->objects == 1 ? " is" : "s are",
           (int)count->space.size, count->space.at, (int)other->name.size, other->name.at);
    return true;
}

static void tell(struct od_objects *objects)
{
    const struct od_leftovers *leftovers = objects->leftovers;
    if (leftovers->deleted > 0)
        od_log(OD_LOG_INFO, NULL, "worker %u has deleted %llu objects of namespaces that are gone",
               objects->worker, (unsigned long long)leftovers->deleted);
    for (size_t i = 0; i < leftovers->count_count; i++) {
        const struct count *count = &leftovers->counts[i];
        if (tell_hidden(objects, count))
            continue;
        od_log(OD_LOG_WARN, NULL,
               "the script has no namespace '%.*s', of which %llu object%s stored; it can say "
               "renamed = { %.*s = \"...\" } or deleted = { \"%.*s\" }",
               (int)count->space.size, count->space.at, (unsigned long long)count->objects,
               count->objects == 1 ? " is" : "s are", (int)count->space.size, count->space.at,
               (int)count->space.size, count->space.at);
    }
}

// --- The walk ------------------------------------------------------------------------------------

static bool is_enough(struct od_leftovers *leftovers)
{
    return leftovers->looked_at++ == OD_LEFTOVERS_ROWS_MAX ||
           leftovers->deleting_count == OD_LEFTOVERS_DELETING_MAX;
}

static bool visit(void *context, od_slice place, const struct od_identity *identity)
{
    struct od_objects *objects = context;
    struct od_leftovers *leftovers = objects->leftovers;
    leftovers->is_walking = is_enough(leftovers);
    if (leftovers->is_walking)
        return false;
    leftovers->place_bytes =
        place.size < sizeof leftovers->place ? place.size : sizeof leftovers->place;
    memcpy(leftovers->place, place.at, leftovers->place_bytes);
    struct od_namespace *namespace = od_objects_add_namespace(objects, identity->space);
    if (!is_left(objects, namespace))
        return true;
    if (is_deleted(objects, identity->space))
        delete_stored(objects, namespace, identity);
    else if (objects->worker == 0)
        count(leftovers, namespace);
    return true;
}

static void walk(struct od_objects *objects)
{
    struct od_leftovers *leftovers = objects->leftovers;
    OD_ASSERT(leftovers->is_walking);
    char place[sizeof leftovers->place];
    od_slice after = {place, leftovers->place_bytes};
    memcpy(place, leftovers->place, leftovers->place_bytes);
    leftovers->looked_at = 0;
    leftovers->is_walking = false;
    od_store_walk_directory(objects->store, after, visit, objects);
}

void od_leftovers_visit(struct od_object *object)
{
    const struct od_objects *objects = object->objects;
    if (objects->leftovers != NULL && is_left(objects, object->namespace) &&
        is_deleted(objects, object->identity.space))
        delete_object(object);
}

void od_leftovers_begin(struct od_objects *objects)
{
    od_leftovers_end(objects);
    if (objects->worker != 0 && objects->script->deleted.size == 0)
        return;
    objects->leftovers = od_allocate_zeroed(sizeof *objects->leftovers);
    objects->leftovers->is_walking = true;
}

bool od_leftovers_turn(struct od_objects *objects)
{
    struct od_leftovers *leftovers = objects->leftovers;
    if (leftovers == NULL || objects->renewal.is_on)
        return false;
    let_go(objects);
    if (leftovers->deleting_count > 0) // News from the disk go on with it.
        return false;
    if (leftovers->is_walking)
        walk(objects);
    if (leftovers->is_walking || leftovers->deleting_count > 0)
        return leftovers->deleting_count == 0;
    tell(objects);
    od_leftovers_end(objects);
    return false;
}

void od_leftovers_end(struct od_objects *objects)
{
    free(objects->leftovers);
    objects->leftovers = NULL;
}
