#include "object/parts/work.h"

#include "base/slab.h"

static void init(struct od_work *work, struct od_object *object)
{
    *work = (struct od_work){.object = object};
    struct od_list *const lists[] = {&work->inbox,        &work->resumes, &work->outbox,
                                     &work->tasks,        &work->pipes,   &work->ready,
                                     &work->gated,        &work->idle,    &work->awake,
                                     &work->timeouts,     &work->syncing, &work->outgoing.waiting,
                                     &work->outgoing.turn};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        od_list_init(lists[i]);
}

struct od_work *od_work_at_rest(void)
{
    static struct od_work nothing;
    if (nothing.inbox.next == NULL)
        init(&nothing, NULL);
    return &nothing;
}

struct od_work *od_work_new(struct od_slab *works, struct od_object *object)
{
    OD_ASSERT(object != NULL);
    uint64_t number;
    struct od_work *work = od_slab_take(works, &number);
    init(work, object);
    return work;
}

void od_work_free(struct od_slab *works, struct od_work *work)
{
    OD_ASSERT(work->object != NULL);
    od_bytes_deinit(&work->reset_why);
    od_bytes_deinit(&work->failure);
    od_slab_give(works, work);
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
           work->call_bytes > 0 || work->reset_why.size > 0 || work->failure.size > 0 ||
           work->share.owed_us > 0;
}

static bool is_listed(const struct od_work *work)
{
    return !od_list_is_empty(&work->ready) || !od_list_is_empty(&work->gated) ||
           !od_list_is_empty(&work->idle) || !od_list_is_empty(&work->awake) ||
           !od_list_is_empty(&work->outgoing.turn);
}

bool od_work_is_empty(const struct od_work *work)
{
    return !has_events(work) && !has_more(work) && !is_listed(work);
}
