#include "object/alarm_event.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "link/link.h"
#include "object/outbox.h"
#include "object/parts/schedule.h"

// --- Between main and the inbox ------------------------------------------------------------------

static void put_over(struct od_objects *objects, const uint8_t *id, bool again)
{
    size_t mark = od_link_begin(objects->main, OD_KIND_ALARM_OVER, -1);
    od_bytes_put(&objects->main->out, id, OD_ID_BYTES);
    od_bytes_put_u8(&objects->main->out, again);
    od_link_end(objects->main, mark);
}

void od_alarm_event_say_over(struct od_object *object, bool again)
{
    put_over(object->objects, object->identity.id, again);
}

// Its handler has cost the worker before this one. The object may be refused now, so it is not run.
static void count_failure(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(object->work->alarm == NULL);
    od_log(OD_LOG_ERROR, object->label, "alarm: its worker ended while it ran: a failed try");
    od_alarm_event_lost(object, event);
    od_storage_seal(&object->storage);
    od_event_free(event);
    od_object_settle(object);
}

void od_alarm_event_receive(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_identity identity = {.has_name = false};
    struct od_alarm_ring ring = {.alarm = {.due_ms = (od_time_ms)od_cursor_u64(&cursor)}};
    bool fails = od_cursor_u8(&cursor) != 0;
    od_identity_read(&cursor, &identity);
    od_slice name = od_cursor_string(&cursor);
    OD_ASSERT(name.size <= sizeof ring.name);
    ring.name_size = (uint16_t)name.size;
    if (name.size > 0)
        memcpy(ring.name, name.at, name.size);
    struct od_namespace *namespace =
        cursor.failed ? NULL : od_objects_namespace(objects, identity.space);
    if (namespace == NULL) {
        put_over(objects, identity.id, false);
        return;
    }
    od_id id;
    memcpy(id.bytes, identity.id, OD_ID_BYTES);
    struct od_object *object =
        od_objects_get(objects, namespace, &id, identity.has_name, identity.name);
    struct od_event *event =
        od_event_new(OD_EVENT_ALARM, (od_slice){(const char *)&ring, sizeof ring});
    if (fails)
        count_failure(object, event);
    else
        od_object_receive(object, event);
}

// --- Its handler ---------------------------------------------------------------------------------

static struct od_alarm_ring *ring_of(struct od_event *event)
{
    OD_ASSERT(event->kind == OD_EVENT_ALARM);
    OD_ASSERT(event->size == sizeof(struct od_alarm_ring));
    return (void *)event->bytes;
}

struct od_alarm_ring od_alarm_event_of(const struct od_event *event)
{
    struct od_alarm_ring ring;
    OD_ASSERT(event->kind == OD_EVENT_ALARM);
    OD_ASSERT(event->size == sizeof ring);
    memcpy(&ring, event->bytes, sizeof ring);
    return ring;
}

static od_slice name_of(const struct od_alarm_ring *ring)
{
    return (od_slice){ring->name, ring->name_size};
}

bool od_alarm_event_is_schedule(const struct od_event *event)
{
    return od_alarm_event_of(event).name_size > 0;
}

bool od_alarm_event_schedule(struct od_object *object, const struct od_event *event,
                             struct od_schedule *schedule)
{
    struct od_alarm_row row;
    struct od_alarm_ring ring = od_alarm_event_of(event);
    return od_storage_alarm(&object->storage, name_of(&ring), &row) &&
           od_schedule_read(row.body, schedule);
}

bool od_alarm_event_runs(const struct od_object *object, od_slice name,
                         const struct od_alarm *alarm)
{
    if (object->work->alarm == NULL)
        return false;
    struct od_alarm_ring ring = od_alarm_event_of(object->work->alarm);
    return ring.alarm.serial == alarm->serial && od_slice_equal(name_of(&ring), name);
}

// [alarm] counts on, so that no two settings have the same number.
uint32_t od_alarm_event_next_serial(const struct od_object *object, od_slice name,
                                    const struct od_alarm *old)
{
    if (old != NULL)
        return old->serial + 1;
    if (object->work->alarm == NULL)
        return 1;
    struct od_alarm_ring ring = od_alarm_event_of(object->work->alarm);
    return od_slice_equal(name_of(&ring), name) ? ring.alarm.serial + 1 : 1;
}

// "alarm", or "schedule 'digest'": how a line of the log begins.
static void log_about(const struct od_object *object, enum od_log_level level,
                      const struct od_alarm_ring *ring, const char *what)
{
    if (ring->name_size == 0)
        od_log(level, object->label, "alarm: %s", what);
    else
        od_log(level, object->label, "schedule '%.*s': %s", (int)ring->name_size, ring->name, what);
}

// Main hears of it when all that was written is on disk, also what nobody else has to wait for.
static void tell_main(struct od_object *object)
{
    od_outbox_put_synced(object, (struct od_effect){.kind = OD_EFFECT_ALARM_OVER});
}

// It cannot be read: main forgets it until it looks anew, after a restart.
static void log_failure(const struct od_object *object, const struct od_alarm_ring *ring)
{
    struct od_error err;
    if (od_storage_has_failed(&object->storage, &err))
        log_about(object, OD_LOG_ERROR, ring, err.text);
}

static void catch_up(struct od_alarm_ring *ring, const struct od_alarm_row *row)
{
    struct od_schedule schedule;
    if (ring->name_size > 0 && od_schedule_read(row->body, &schedule))
        ring->alarm.time_ms =
            od_schedule_catch_up(&schedule, row->alarm.time_ms, od_clock_wall_ms(), &ring->missed);
}

bool od_alarm_event_begin(struct od_object *object, struct od_event *event)
{
    struct od_alarm_row row;
    struct od_alarm_ring *ring = ring_of(event);
    OD_ASSERT(!od_object_is_entry(object));
    if (od_storage_alarm(&object->storage, name_of(ring), &row) &&
        row.alarm.due_ms <= ring->alarm.due_ms && object->work->alarm == NULL) {
        ring->alarm = row.alarm;
        catch_up(ring, &row);
        object->work->alarm = event;
        return true;
    }
    log_failure(object, ring);
    tell_main(object);
    return false;
}

static od_time_ms pause_before(const struct od_object *object, uint32_t retry)
{
    OD_ASSERT(retry >= 1);
    od_id id = od_object_id(object);
    od_time_ms pause_ms = (od_time_ms)OD_ALARM_RETRY_MS << (retry - 1);
    uint64_t dice = od_map_hash_u64(od_id_hash(&id) ^ (uint64_t)od_clock_wall_ms());
    return pause_ms + (od_time_ms)(dice % (uint64_t)(pause_ms / 4 + 1));
}

static void try_again(struct od_object *object, const struct od_alarm_ring *ring,
                      struct od_alarm_row *row)
{
    char what[64];
    row->alarm.retries++;
    od_time_ms pause_ms = pause_before(object, row->alarm.retries);
    row->alarm.due_ms = od_clock_wall_ms() + pause_ms;
    snprintf(what, sizeof what, "retry %u of %d in %d ms", row->alarm.retries, OD_ALARM_RETRIES_MAX,
             (int)pause_ms);
    od_storage_end_alarm(&object->storage, name_of(ring), row);
    log_about(object, OD_LOG_INFO, ring, what);
}

static void log_dropped(const struct od_object *object, const struct od_alarm_ring *ring)
{
    char what[64];
    snprintf(what, sizeof what, "dropped after %u failed tries", ring->alarm.retries + 1);
    log_about(object, OD_LOG_ERROR, ring, what);
}

// It is gone, or set for its next time, which may have passed already.
static void finish(struct od_object *object, const struct od_alarm_ring *ring,
                   const struct od_alarm_row *row)
{
    struct od_schedule schedule;
    od_time_ms next_ms = OD_ALARM_NONE_MS;
    if (ring->name_size > 0 && od_schedule_read(row->body, &schedule))
        next_ms = od_schedule_next_ms(&schedule, ring->alarm.time_ms);
    struct od_alarm_row next = {
        {.time_ms = next_ms, .due_ms = next_ms, .serial = row->alarm.serial + 1}, row->body};
    od_storage_end_alarm(&object->storage, name_of(ring),
                         next_ms == OD_ALARM_NONE_MS ? NULL : &next);
}

void od_alarm_event_end(struct od_object *object, const struct od_event *event, bool has_failed)
{
    struct od_alarm_row row;
    OD_ASSERT(object->work->alarm == NULL || object->work->alarm->kind == OD_EVENT_ALARM);
    if (object->work->alarm != event)
        return;
    struct od_alarm_ring ring = od_alarm_event_of(event);
    bool is_there = od_storage_alarm(&object->storage, name_of(&ring), &row) &&
                    od_alarm_event_runs(object, name_of(&ring), &row.alarm);
    bool may_retry = ring.alarm.retries < OD_ALARM_RETRIES_MAX && !object->drops_alarm;
    object->work->alarm = NULL;
    object->drops_alarm = false;
    if (is_there && has_failed && may_retry)
        try_again(object, &ring, &row);
    else if (is_there)
        finish(object, &ring, &row);
    if (is_there && has_failed && !may_retry)
        log_dropped(object, &ring);
    tell_main(object);
}

void od_alarm_event_leave(struct od_object *object, const struct od_event *event)
{
    struct od_alarm_ring ring = od_alarm_event_of(event);
    log_about(object, OD_LOG_WARN, &ring,
              ring.name_size == 0 ? "the class has no alarm() handler; it waits for a version of "
                                    "the script that has one"
                                  : "the class does not have its method; it waits for a version "
                                    "of the script that has it");
    OD_ASSERT(object->work->alarm == event);
    object->work->alarm = NULL;
    tell_main(object);
}

void od_alarm_event_lost(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(event->kind == OD_EVENT_ALARM);
    bool is_running = object->work->alarm == event;
    if (object->objects->is_draining || object->has_lost_writes)
        object->work->alarm = is_running ? NULL : object->work->alarm;
    if (object->objects->is_draining) // It is still stored, and rings after the next start.
        return;
    if (object->has_lost_writes) {
        od_alarm_event_say_over(object, true);
    } else if (is_running || od_alarm_event_begin(object, event)) {
        od_alarm_event_end(object, event, true);
    }
}

// --- What the object's code sees -----------------------------------------------------------------

static const od_slice the_alarm = {NULL, 0}; // Its name.

static bool runs(const struct od_object *object, const struct od_alarm_row *row)
{
    return od_alarm_event_runs(object, the_alarm, &row->alarm);
}

bool od_object_alarm(struct od_object *object, od_time_ms *time_ms)
{
    struct od_alarm_row row;
    if (!od_storage_alarm(&object->storage, the_alarm, &row) || runs(object, &row))
        return false;
    *time_ms = row.alarm.time_ms;
    return true;
}

bool od_object_set_alarm(struct od_object *object, od_time_ms time_ms, bool unconfirmed,
                         struct od_error *err)
{
    struct od_alarm_row old, new = {0};
    bool has_old = od_storage_alarm(&object->storage, the_alarm, &old);
    if (!has_old && od_storage_has_failed(&object->storage, err))
        return false;
    od_time_ms now_ms = od_clock_wall_ms();
    time_ms = time_ms < now_ms ? now_ms : time_ms;
    if (has_old && old.alarm.due_ms == time_ms && old.alarm.time_ms == time_ms &&
        !runs(object, &old))
        return true;
    new.alarm.time_ms = new.alarm.due_ms = time_ms;
    new.alarm.serial = od_alarm_event_next_serial(object, the_alarm, has_old ? &old.alarm : NULL);
    return od_storage_set_alarm(&object->storage, the_alarm, &new, unconfirmed, err);
}

bool od_object_delete_alarm(struct od_object *object, bool unconfirmed, struct od_error *err)
{
    struct od_alarm_row row;
    if (!od_storage_alarm(&object->storage, the_alarm, &row))
        return !od_storage_has_failed(&object->storage, err);
    if (runs(object, &row))
        return true;
    if (object->work->alarm == NULL || od_alarm_event_is_schedule(object->work->alarm))
        return od_storage_delete_alarm(&object->storage, the_alarm, unconfirmed, err);
    // The one that runs is there again, in case it fails.
    row = (struct od_alarm_row){.alarm = od_alarm_event_of(object->work->alarm).alarm};
    return od_storage_set_alarm(&object->storage, the_alarm, &row, unconfirmed, err);
}
