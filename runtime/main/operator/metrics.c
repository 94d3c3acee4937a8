#include "main/operator/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

void od_metrics_init(struct od_metrics *metrics, uint32_t worker_count)
{
    *metrics =
        (struct od_metrics){.past = od_allocate_zeroed(worker_count * sizeof *metrics->past)};
}

void od_metrics_deinit(struct od_metrics *metrics)
{
    free(metrics->past);
}

static enum od_death death_of(const struct od_child *child, const struct od_ending *how)
{
    if (child->is_overdue)
        return OD_DEATH_STUCK;
    if (how->is_foreign)
        return OD_DEATH_KILLED;
    return strncmp(how->why, "exit", strlen("exit")) == 0 ? OD_DEATH_EXIT : OD_DEATH_CRASH;
}

void od_metrics_worker_ended(struct od_metrics *metrics, const struct od_child *child,
                             const struct od_ending *how)
{
    OD_ASSERT(metrics->past != NULL);
    OD_ASSERT(child->page != NULL); // It can still be read.
    metrics->deaths[death_of(child, how)]++;
    od_meters_add(&metrics->past[child->index], &child->page->meters);
}
