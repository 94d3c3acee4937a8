#include "object/schedule.h"

#include "base/cron.h"
#include "base/log.h"
#include "link/facts.h"
#include "link/invocation.h"
#include "object/alarm_event.h"

// --- Its body ------------------------------------------------------------------------------------

static void put(struct od_bytes *body, const struct od_schedule *schedule)
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

static bool same_times(const struct od_schedule *a, const struct od_schedule *b)
{
    return a->kind == b->kind && a->every_ms == b->every_ms && od_slice_equal(a->cron, b->cron) &&
           od_slice_equal(a->zone, b->zone);
}

static bool same_call(const struct od_schedule *a, const struct od_schedule *b)
{
    return od_slice_equal(a->method, b->method) && od_slice_equal(a->arguments, b->arguments);
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
    if (schedule->kind == OD_SCHEDULE_EVERY)
        return time_ms + schedule->every_ms;
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

// --- What the object's code sees -----------------------------------------------------------------

static od_time_ms first_ms(const struct od_schedule *schedule, od_time_ms at_ms)
{
    od_time_ms now_ms = od_clock_wall_ms();
    if (schedule->kind == OD_SCHEDULE_AT)
        return at_ms < now_ms ? now_ms : at_ms;
    return od_schedule_next_ms(schedule, now_ms);
}

// When a schedule in place of [old] is to come: what comes again keeps its time, or, while its
// handler runs, has the next one.
static od_time_ms time_after(const struct od_object *object, od_slice name,
                             const struct od_alarm *old, const struct od_schedule *schedule)
{
    if (!od_alarm_event_runs(object, name, old))
        return old->time_ms;
    return od_schedule_next_ms(schedule, od_alarm_event_of(object->work->alarm).alarm.time_ms);
}

static bool write(struct od_object *object, od_slice name, const struct od_schedule *schedule,
                  const struct od_alarm *alarm, struct od_error *err)
{
    struct od_bytes body = {0};
    put(&body, schedule);
    struct od_alarm_row row = {*alarm, od_bytes_slice(&body)};
    bool ok =
        row.body.size <= OD_STORE_ALARM_BODY_BYTES_MAX
            ? od_storage_set_alarm(&object->storage, name, &row, false, err)
            : od_error_set(err, "its cron string, method and arguments are more than %u bytes",
                           OD_STORE_ALARM_BODY_BYTES_MAX);
    od_bytes_deinit(&body);
    return ok;
}

bool od_object_set_schedule(struct od_object *object, od_slice name,
                            const struct od_schedule *schedule, od_time_ms at_ms,
                            struct od_error *err)
{
    struct od_alarm_row old;
    struct od_schedule before;
    od_time_ms time_ms = first_ms(schedule, at_ms);
    bool has_old = od_storage_alarm(&object->storage, name, &old);
    if (!has_old && od_storage_has_failed(&object->storage, err))
        return false;
    bool is_same = has_old && od_schedule_read(old.body, &before) && same_times(&before, schedule);
    bool is_once = schedule->kind == OD_SCHEDULE_AT;
    if (is_same && same_call(&before, schedule) && (!is_once || old.alarm.time_ms == time_ms) &&
        !(is_once && od_alarm_event_runs(object, name, &old.alarm)))
        return true;
    if (is_same && !is_once)
        time_ms = time_after(object, name, &old.alarm, schedule);
    struct od_alarm alarm = {
        .time_ms = time_ms,
        .due_ms = time_ms,
        .serial = od_alarm_event_next_serial(object, name, has_old ? &old.alarm : NULL)};
    return write(object, name, schedule, &alarm, err);
}

bool od_object_delete_schedule(struct od_object *object, od_slice name, bool *existed,
                               struct od_error *err)
{
    struct od_alarm_row row;
    *existed = od_storage_alarm(&object->storage, name, &row);
    if (!*existed)
        return !od_storage_has_failed(&object->storage, err);
    return od_storage_delete_alarm(&object->storage, name, false, err);
}

// --- What an operator sees and does --------------------------------------------------------------

static bool put_facts(struct od_bytes *facts, od_slice name, const struct od_alarm_row *row)
{
    struct od_schedule schedule;
    if (!od_schedule_read(row->body, &schedule))
        return false;
    od_facts_text(facts, "name", name);
    od_facts_number(facts, "time", (uint64_t)row->alarm.time_ms);
    if (schedule.kind == OD_SCHEDULE_EVERY)
        od_facts_number(facts, "every", (uint64_t)schedule.every_ms);
    if (schedule.kind == OD_SCHEDULE_CRON) {
        od_facts_text(facts, "cron", schedule.cron);
        od_facts_text(facts, "zone", schedule.zone);
    }
    od_facts_text(facts, "method", schedule.method);
    od_facts_text(facts, "arguments", schedule.arguments);
    od_facts_end(facts);
    return true;
}

bool od_schedules_put(struct od_bytes *facts, struct od_object *object, struct od_error *err)
{
    struct od_bytes alarms = {0};
    bool ok = od_storage_list_alarms(&object->storage, &alarms, err);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&alarms));
    while (ok && !od_cursor_at_end(&cursor)) {
        struct od_alarm_row row;
        od_slice name = od_cursor_string(&cursor);
        bool is_row = od_alarm_row_read(od_cursor_string(&cursor), &row);
        OD_ASSERT(is_row);
        if (od_schedule_is_name(name) && !put_facts(facts, name, &row))
            ok = od_error_set(err, "the schedule '%.*s' cannot be read", (int)name.size, name.at);
    }
    od_bytes_deinit(&alarms);
    return ok;
}

static bool is_sound(const struct od_schedule *schedule, od_slice name, od_time_ms time_ms)
{
    return od_schedule_is_name(name) && name.size <= OD_SCHEDULE_NAME_BYTES_MAX && time_ms >= 0 &&
           time_ms <= OD_ALARM_TIME_MAX && schedule->method.size > 0 &&
           schedule->method.size <= OD_METHOD_BYTES_MAX &&
           schedule->arguments.size <= OD_SCHEDULE_ARGUMENTS_BYTES_MAX &&
           (schedule->kind != OD_SCHEDULE_EVERY ||
            (schedule->every_ms >= OD_SCHEDULE_EVERY_MS_MIN &&
             schedule->every_ms <= OD_ALARM_TIME_MAX));
}

bool od_object_import_schedule(struct od_object *object, od_slice name, od_time_ms time_ms,
                               od_slice body, struct od_error *err)
{
    struct od_schedule schedule;
    struct od_alarm_row old;
    if (!od_schedule_read(body, &schedule) || !is_sound(&schedule, name, time_ms))
        return od_error_set(err, "that is no schedule");
    if (!od_schedule_check(&schedule, err))
        return false;
    bool has_old = od_storage_alarm(&object->storage, name, &old);
    if (!has_old && od_storage_has_failed(&object->storage, err))
        return false;
    struct od_alarm alarm = {
        .time_ms = time_ms,
        .due_ms = time_ms,
        .serial = od_alarm_event_next_serial(object, name, has_old ? &old.alarm : NULL)};
    return write(object, name, &schedule, &alarm, err);
}
