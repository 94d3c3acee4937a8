#include "link/meters.h"

#include <stddef.h>

#include "base/check.h"

void od_meters_count(struct od_meters *meters, enum od_meter meter, uint64_t count)
{
    OD_ASSERT(meter < OD_METER_COUNT);
    if (meters != NULL)
        meters->numbers[meter] += count;
}

void od_meters_event(struct od_meters *meters, enum od_meter_event event, bool has_failed)
{
    OD_ASSERT(event < OD_METER_EVENT_COUNT);
    meters->events[event][has_failed]++;
}

void od_meters_time(struct od_meter_times *times, int64_t us)
{
    static const int64_t bounds_us[] = OD_METER_BOUNDS_US;
    int i = 0;
    while (i < OD_METER_BUCKETS - 1 && us > bounds_us[i])
        i++;
    times->buckets[i]++;
    times->sum_us += us > 0 ? (uint64_t)us : 0;
}

void od_meters_add(struct od_meters *sum, const struct od_meters *more)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)more;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

const char *od_meter_name(enum od_meter meter)
{
    OD_ASSERT(meter < OD_METER_COUNT);
    static const char *const names[] = {
#define OD_METER_NAME(name) #name,
        OD_METERS(OD_METER_NAME)
#undef OD_METER_NAME
    };
    return names[meter];
}

const char *od_meter_event_name(enum od_meter_event event)
{
    OD_ASSERT(event < OD_METER_EVENT_COUNT);
    static const char *const names[] = {
#define OD_METER_NAME(name) #name,
        OD_METER_EVENTS(OD_METER_NAME)
#undef OD_METER_NAME
    };
    return names[event];
}
