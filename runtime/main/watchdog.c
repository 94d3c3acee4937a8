#include "main/watchdog.h"

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

bool od_watchdog_look(struct od_watchdog *watchdog, const struct od_page *page, od_time_ms limit_ms,
                      struct od_page_event *event)
{
    od_time_ms now_ms = od_clock_monotonic_ms();
    od_time_ms pause_ms = now_ms - watchdog->looked_ms;
    od_time_ms pause_ms_max = 2 * od_watchdog_interval_ms(limit_ms);
    watchdog->looked_ms = now_ms;
    bool runs = od_page_running(page, event);
    bool is_the_same = runs && event->moment == watchdog->moment;
    watchdog->moment = runs ? event->moment : 0;
    if (!is_the_same)
        watchdog->seen_for_ms = 0;
    else
        watchdog->seen_for_ms += pause_ms < pause_ms_max ? pause_ms : pause_ms_max;
    return watchdog->seen_for_ms >= limit_ms;
}
