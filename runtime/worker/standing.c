#include "worker/standing.h"

#include "link/loop.h"
#include "link/worker_page.h"
#include "object/limits.h"
#include "object/nodes/frozen.h"

static void on_refusal(struct od_timer *timer)
{
    (void)timer; // The turn does it.
}

static void freeze(struct od_standing *standing)
{
    OD_ASSERT(standing->frozen_ms == 0);
    standing->frozen_ms = od_clock_monotonic_ms();
    od_loop_set_timer(standing->loop, &standing->refusal, OD_FROZEN_MS_MAX);
}

bool od_standing_begin_turn(struct od_standing *standing)
{
    standing->may_run = od_page_may(&standing->page->run_until_ms);
    if (standing->may_run)
        standing->frozen_ms = 0;
    else if (standing->frozen_ms == 0)
        freeze(standing);
    return standing->may_run;
}

void od_standing_turn(struct od_standing *standing)
{
    if (standing->frozen_ms != 0 &&
        od_clock_monotonic_ms() - standing->frozen_ms >= OD_FROZEN_MS_MAX)
        od_frozen_refuse(standing->objects);
}

bool od_standing_may_send(struct od_standing *standing)
{
    if (standing->may_run || standing->holds)
        standing->holds = !od_page_may(&standing->page->answer_until_ms);
    return !standing->holds;
}

void od_standing_init(struct od_standing *standing, struct od_loop *loop,
                      struct od_objects *objects, const struct od_worker_page *page)
{
    *standing = (struct od_standing){
        .loop = loop, .objects = objects, .page = page, .refusal = {.fire = on_refusal}};
}

void od_standing_deinit(struct od_standing *standing)
{
    od_loop_clear_timer(standing->loop, &standing->refusal);
}
