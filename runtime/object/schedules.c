#include "object/schedules.h"

#include "link/invocation.h"
#include "object/alarm_event.h"

static bool same_times(const struct od_schedule *a, const struct od_schedule *b)
{
    return a->kind == b->kind && a->every_ms == b->every_ms && od_slice_equal(a->cron, b->cron) &&
           od_slice_equal(a->zone, b->zone);
}

static bool same_call(const struct od_schedule *a, const struct od_schedule *b)
{
    return od_slice_equal(a->method, b->method) && od_slice_equal(a->arguments, b->arguments);
}

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
    od_schedule_put(&body, schedule);
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
