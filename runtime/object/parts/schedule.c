#include "object/parts/schedule.h"

#include "base/cron.h"
#include "base/cursor.h"
#include "base/log.h"
#include "object/limits.h"
#include "store/alarm.h"

// --- Its body ------------------------------------------------------------------------------------

void od_schedule_put(struct od_bytes *body, const struct od_schedule *schedule)
{
    OD_ASSERT(schedule->kind <= OD_SCHEDULE_CRON);
    OD_ASSERT(schedule->kind != OD_SCHEDULE_EVERY || schedule->every_ms > 0);
    od_bytes_put_u8(body, (uint8_t)schedule->kind);
    od_bytes_put_u64(body, (uint64_t)schedule->every_ms);
    od_bytes_put_string(body, schedule->cron);
    od_bytes_put_string(body, schedule->zone);
    od_bytes_put_string(body, schedule->method);
    od_bytes_put_string(body, schedule->arguments);
}

bool od_schedule_is_name(od_slice name)
{
    return name.size > 0 && name.at[0] != '\0';
}

bool od_schedule_read(od_slice body, struct od_schedule *schedule)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint8_t kind = od_cursor_u8(&cursor);
    schedule->kind = (enum od_schedule_kind)kind;
    schedule->every_ms = (od_time_ms)od_cursor_u64(&cursor);
    schedule->cron = od_cursor_string(&cursor);
    schedule->zone = od_cursor_string(&cursor);
    schedule->method = od_cursor_string(&cursor);
    schedule->arguments = od_cursor_string(&cursor);
    bool comes_again = kind != OD_SCHEDULE_EVERY || schedule->every_ms > 0;
    return !cursor.failed && kind <= OD_SCHEDULE_CRON && comes_again;
}

// --- Its times -----------------------------------------------------------------------------------

struct clock {
    bool has_cron; // What is stored can be read.
    struct od_cron cron;
    struct od_zone *zone;
};

static bool open_clock(const struct od_schedule *schedule, struct clock *clock,
                       struct od_error *err)
{
    clock->has_cron = od_cron_parse(schedule->cron, &clock->cron, err);
    return clock->has_cron && od_zone_open(&clock->zone, schedule->zone, err);
}

bool od_schedule_check(const struct od_schedule *schedule, struct od_error *err)
{
    struct clock clock;
    if (schedule->kind != OD_SCHEDULE_CRON)
        return true;
    if (!open_clock(schedule, &clock, err))
        return false;
    od_zone_free(clock.zone);
    return true;
}

// The system's tzdata may have been removed, or have lost a zone: better late or early than never.
static void open_clock_anyway(const struct od_schedule *schedule, struct clock *clock)
{
    struct od_error err;
    if (open_clock(schedule, clock, &err))
        return;
    od_log(OD_LOG_ERROR, NULL, "schedule: %s; taking UTC", err.text);
    clock->zone = NULL;
}

static od_time_ms next_of_clock(const struct clock *clock, od_time_ms time_ms)
{
    int64_t next_s =
        clock->has_cron ? od_cron_next_s(&clock->cron, clock->zone, time_ms / 1000) : OD_NEVER_S;
    return next_s == OD_NEVER_S ? OD_ALARM_NONE_MS : next_s * 1000;
}

od_time_ms od_schedule_next_ms(const struct od_schedule *schedule, od_time_ms time_ms)
{
    struct clock clock;
    if (schedule->kind == OD_SCHEDULE_AT)
        return OD_ALARM_NONE_MS;
    if (schedule->kind == OD_SCHEDULE_EVERY) {
        od_time_ms next_ms = time_ms + schedule->every_ms;
        return next_ms < OD_ALARM_TIME_MAX ? next_ms : (od_time_ms)OD_ALARM_TIME_MAX;
    }
    open_clock_anyway(schedule, &clock);
    od_time_ms next_ms = next_of_clock(&clock, time_ms);
    od_zone_free(clock.zone);
    return next_ms;
}

// After very many it goes on from now: those before are as good as none.
static od_time_ms catch_up_cron(const struct od_schedule *schedule, od_time_ms time_ms,
                                od_time_ms now_ms, uint32_t *missed)
{
    struct clock clock;
    open_clock_anyway(schedule, &clock);
    od_time_ms next_ms = next_of_clock(&clock, time_ms);
    for (; next_ms <= now_ms && *missed < OD_SCHEDULE_MISSED_MAX; (*missed)++) {
        time_ms = next_ms;
        next_ms = next_of_clock(&clock, time_ms);
    }
    od_zone_free(clock.zone);
    return next_ms <= now_ms ? now_ms : time_ms;
}

od_time_ms od_schedule_catch_up(const struct od_schedule *schedule, od_time_ms time_ms,
                                od_time_ms now_ms, uint32_t *missed)
{
    *missed = 0;
    if (schedule->kind == OD_SCHEDULE_AT || now_ms <= time_ms)
        return time_ms;
    if (schedule->kind == OD_SCHEDULE_CRON)
        return catch_up_cron(schedule, time_ms, now_ms, missed);
    OD_ASSERT(schedule->every_ms > 0);
    od_time_ms count = (now_ms - time_ms) / schedule->every_ms;
    *missed = count < OD_SCHEDULE_MISSED_MAX ? (uint32_t)count : OD_SCHEDULE_MISSED_MAX;
    return time_ms + count * schedule->every_ms;
}
