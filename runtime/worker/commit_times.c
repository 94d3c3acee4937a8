#include "worker/commit_times.h"

#include "base/check.h"
#include "base/clock.h"

void od_commit_times_left(struct od_commit_times *times, uint64_t seq)
{
    OD_ASSERT(times->count <= OD_COMMITS_TIMED_MAX);
    OD_ASSERT(times->count == 0 || times->on_way[times->first].seq < seq);
    if (times->count == OD_COMMITS_TIMED_MAX)
        return;
    uint32_t place = (times->first + times->count++) % OD_COMMITS_TIMED_MAX;
    times->on_way[place].seq = seq;
    times->on_way[place].left_us = od_clock_passed_us();
}

void od_commit_times_durable(struct od_commit_times *times, uint64_t seq,
                             struct od_meter_times *meter)
{
    OD_ASSERT(times->first < OD_COMMITS_TIMED_MAX);
    int64_t now_us = od_clock_passed_us();
    while (times->count > 0 && times->on_way[times->first].seq <= seq) {
        od_meters_time(meter, now_us - times->on_way[times->first].left_us);
        times->first = (times->first + 1) % OD_COMMITS_TIMED_MAX;
        times->count--;
    }
}
