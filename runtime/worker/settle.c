#include "worker/settle.h"

#include "base/cursor.h"
#include "net/dial.h"
#include "object/call.h"
#include "store/store.h"
#include "worker/main_messages.h"

static bool waits_for_peer(const struct od_objects *objects)
{
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&objects->calls, node)) != NULL) {
        if (OD_MAP_MEMBER(node, struct od_call, by_id)->is_remote)
            return true;
    }
    return false;
}

static bool is_timer_due(const struct od_worker *worker)
{
    od_time_ms next_ms = od_timers_next_ms(&worker->loop.timers);
    return next_ms >= 0 && next_ms <= od_clock_monotonic_ms();
}

static bool waits_for_world(const struct od_objects *objects)
{
    return od_dials_are_running(objects->net) || objects->outgoing.running_count > 0 ||
           !od_list_is_empty(&objects->outgoing.objects);
}

static bool is_settled(const struct od_worker *worker)
{
    const struct od_objects *objects = &worker->objects;
    return worker->is_restored && !worker->has_more && od_list_is_empty(&objects->ready) &&
           od_list_is_empty(&objects->gated) && od_list_is_empty(&worker->store->sealed) &&
           !is_timer_due(worker) && !waits_for_peer(objects) && !waits_for_world(objects) &&
           objects->rewinds == 0;
}

void od_settle_turn(struct od_worker *worker)
{
    OD_ASSERT(worker->settling.size % sizeof(uint64_t) == 0);
    if (worker->settling.size == 0 || !is_settled(worker))
        return;
    struct od_cursor questions = od_cursor_of(od_bytes_slice(&worker->settling));
    while (!od_cursor_at_end(&questions))
        od_main_messages_report(worker, od_cursor_u64(&questions));
    od_bytes_deinit(&worker->settling);
}
