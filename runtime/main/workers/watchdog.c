#include "main/workers/watchdog.h"

#include "main/workers/limits.h"

enum {
    interval_ms_min = 5,
    interval_ms_max = 500,
};

od_time_ms od_watchdog_interval_ms(od_time_ms limit_ms)
{
    od_time_ms interval_ms = limit_ms / 8;
    if (interval_ms < interval_ms_min)
        return interval_ms_min;
    return interval_ms > interval_ms_max ? interval_ms_max : interval_ms;
}

od_time_ms od_watchdog_still_ms(od_time_ms limit_ms)
{
    return limit_ms < OD_STILL_MS_MIN ? OD_STILL_MS_MIN : limit_ms;
}

static void count_pause(struct od_watchdog *watchdog, od_time_ms limit_ms)
{
    OD_ASSERT(watchdog->seen_for_ms >= 0);
    od_time_ms now_ms = od_clock_monotonic_ms();
    od_time_ms pause_ms = now_ms - watchdog->looked_ms;
    od_time_ms pause_ms_max = 2 * od_watchdog_interval_ms(limit_ms);
    watchdog->looked_ms = now_ms;
    watchdog->seen_for_ms += pause_ms < pause_ms_max ? pause_ms : pause_ms_max;
}

static enum od_sight look_between_events(struct od_watchdog *watchdog, od_time_ms limit_ms)
{
    if (watchdog->is_asked)
        return watchdog->seen_for_ms >= od_watchdog_still_ms(limit_ms) ? OD_SIGHT_STILL
                                                                       : OD_SIGHT_WELL;
    if (watchdog->seen_for_ms < OD_TURN_ASKED_MS)
        return OD_SIGHT_WELL;
    watchdog->is_asked = true;
    watchdog->seen_for_ms = 0;
    return OD_SIGHT_IDLE;
}

// The progress is read again behind the event, which may have begun meanwhile.
enum od_sight od_watchdog_look(struct od_watchdog *watchdog, const struct od_worker_page *page,
                               od_time_ms limit_ms, struct od_worker_page_event *event)
{
    OD_ASSERT(page != NULL);
    OD_ASSERT(limit_ms >= 0);
    uint64_t progress = od_page_progress(page);
    bool runs = od_worker_page_running(page, event);
    bool has_moved = progress != watchdog->progress || progress != od_page_progress(page);
    watchdog->progress = progress;
    count_pause(watchdog, limit_ms);
    if (has_moved) {
        watchdog->seen_for_ms = 0;
        watchdog->is_asked = false;
        return OD_SIGHT_WELL;
    }
    if (runs)
        return watchdog->seen_for_ms >= limit_ms ? OD_SIGHT_LONG_EVENT : OD_SIGHT_WELL;
    return look_between_events(watchdog, limit_ms);
}
