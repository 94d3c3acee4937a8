#include "worker/standing.h"

#include "link/worker_page.h"
#include "object/frozen.h"
#include "object/limits.h"
#include "worker/worker_inner.h"

static void on_refusal(struct od_timer *timer)
{
    (void)timer; // The turn does it.
}

static void freeze(struct od_worker *worker)
{
    struct od_standing *standing = &worker->standing;
    OD_ASSERT(standing->frozen_ms == 0);
    standing->frozen_ms = od_clock_monotonic_ms();
    standing->refusal.fire = on_refusal;
    od_loop_set_timer(&worker->loop, &standing->refusal, OD_FROZEN_MS_MAX);
}

bool od_standing_begin_turn(struct od_worker *worker)
{
    struct od_standing *standing = &worker->standing;
    standing->may_run = od_page_may(&worker->page->run_until_ms);
    if (standing->may_run)
        standing->frozen_ms = 0;
    else if (standing->frozen_ms == 0)
        freeze(worker);
    return standing->may_run;
}

void od_standing_turn(struct od_worker *worker)
{
    const struct od_standing *standing = &worker->standing;
    if (standing->frozen_ms != 0 &&
        od_clock_monotonic_ms() - standing->frozen_ms >= OD_FROZEN_MS_MAX)
        od_frozen_refuse(&worker->objects);
}

bool od_standing_may_send(struct od_worker *worker)
{
    struct od_standing *standing = &worker->standing;
    if (standing->may_run || standing->holds)
        standing->holds = !od_page_may(&worker->page->answer_until_ms);
    return !standing->holds;
}

void od_standing_end(struct od_worker *worker)
{
    od_loop_clear_timer(&worker->loop, &worker->standing.refusal);
}
