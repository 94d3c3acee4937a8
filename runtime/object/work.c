#include "object/work.h"

#include "object/objects.h"

static struct od_work nothing;

static void init(struct od_work *work, struct od_object *object)
{
    *work = (struct od_work){.object = object};
    struct od_list *const lists[] = {&work->inbox,    &work->resumes, &work->outbox, &work->tasks,
                                     &work->pipes,    &work->ready,   &work->gated,  &work->idle,
                                     &work->timeouts, &work->syncing, &work->awake};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        od_list_init(lists[i]);
    od_outgoing_queue_init(&work->outgoing);
}

void od_work_init(struct od_object *object)
{
    OD_ASSERT(object->work == NULL);
    if (nothing.inbox.next == NULL)
        init(&nothing, NULL);
    object->work = &nothing;
}

struct od_work *od_work_begin(struct od_object *object)
{
    uint64_t number;
    if (object->work != &nothing)
        return object->work;
    object->work = od_slab_take(&object->objects->works, &number);
    init(object->work, object);
    return object->work;
}

static bool has_events(const struct od_work *work)
{
    return !od_list_is_empty(&work->inbox) || !od_list_is_empty(&work->resumes) ||
           !od_list_is_empty(&work->tasks) || !od_list_is_empty(&work->outbox) ||
           !od_list_is_empty(&work->syncing) || work->alarm != NULL || work->section != NULL;
}

static bool has_more(const struct od_work *work)
{
    return !od_list_is_empty(&work->pipes) || !od_list_is_empty(&work->timeouts) ||
           work->outgoing.waiting_count + work->outgoing.running_count > 0 ||
           work->call_bytes > 0 || work->failure.size > 0;
}

static bool is_listed(const struct od_work *work)
{
    return !od_list_is_empty(&work->ready) || !od_list_is_empty(&work->gated) ||
           !od_list_is_empty(&work->idle) || !od_list_is_empty(&work->awake) ||
           !od_list_is_empty(&work->outgoing.turn);
}

static bool is_empty(const struct od_work *work)
{
    return !has_events(work) && !has_more(work) && !is_listed(work);
}

void od_work_end(struct od_object *object)
{
    bool is_over = object->state == OD_ASLEEP && object->running == NULL &&
                   object->call_count == 0 && !object->is_reset &&
                   object->work->share.owed_us == 0 && is_empty(object->work);
    if (is_over)
        od_work_deinit(object);
}

void od_work_deinit(struct od_object *object)
{
    struct od_work *work = object->work;
    if (work == &nothing)
        return;
    OD_ASSERT(work->object == object);
    OD_ASSERT(!is_listed(work));
    od_bytes_deinit(&work->reset_why);
    od_bytes_deinit(&work->failure);
    object->work = &nothing;
    od_slab_give(&object->objects->works, work);
}

void od_work_check(const struct od_object *object)
{
    if (object->work != &nothing)
        return;
    OD_ASSERT(is_empty(&nothing));
    OD_ASSERT(nothing.reset_why.size == 0 && nothing.outbox_bytes == 0);
    OD_ASSERT(nothing.share.turn == 0 && nothing.share.events == 0);
}
