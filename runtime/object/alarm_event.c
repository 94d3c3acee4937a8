#include "object/alarm_event.h"

#include <string.h>

#include "base/log.h"
#include "link/link.h"
#include "object/outbox.h"

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
    OD_ASSERT(object->alarm == NULL);
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
    struct od_alarm due = {.due_ms = (od_time_ms)od_cursor_u64(&cursor)};
    bool fails = od_cursor_u8(&cursor) != 0;
    od_identity_read(&cursor, &identity);
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
        od_event_new(OD_EVENT_ALARM, (od_slice){(const char *)&due, sizeof due});
    if (fails)
        count_failure(object, event);
    else
        od_object_receive(object, event);
}

// --- Its handler ---------------------------------------------------------------------------------

struct od_alarm od_alarm_event_of(const struct od_event *event)
{
    struct od_alarm alarm;
    OD_ASSERT(event->kind == OD_EVENT_ALARM);
    OD_ASSERT(event->size == sizeof alarm);
    memcpy(&alarm, event->bytes, sizeof alarm);
    return alarm;
}

// The one whose handler runs, if nobody has set another since.
static bool runs(const struct od_object *object, const struct od_alarm *alarm)
{
    return object->alarm != NULL && od_alarm_event_of(object->alarm).serial == alarm->serial;
}

// Main hears of it when all that was written is on disk, also what nobody else has to wait for.
static void tell_main(struct od_object *object)
{
    od_outbox_put_synced(object, (struct od_effect){.kind = OD_EFFECT_ALARM_OVER});
}

// The alarm cannot be read: main forgets it until it looks anew, after a restart.
static void log_failure(const struct od_object *object)
{
    struct od_error err;
    if (od_storage_has_failed(&object->storage, &err))
        od_log(OD_LOG_ERROR, object->label, "alarm: %s", err.text);
}

bool od_alarm_event_begin(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(event->kind == OD_EVENT_ALARM);
    OD_ASSERT(!od_object_is_entry(object));
    struct od_alarm alarm;
    if (od_storage_alarm(&object->storage, &alarm) &&
        alarm.due_ms <= od_alarm_event_of(event).due_ms && object->alarm == NULL) {
        memcpy(event->bytes, &alarm, sizeof alarm);
        object->alarm = event;
        return true;
    }
    log_failure(object);
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

static void try_again(struct od_object *object, struct od_alarm alarm)
{
    alarm.retries++;
    od_time_ms pause_ms = pause_before(object, alarm.retries);
    alarm.due_ms = od_clock_wall_ms() + pause_ms;
    od_storage_end_alarm(&object->storage, &alarm);
    od_log(OD_LOG_INFO, object->label, "alarm: retry %u of %d in %d ms", alarm.retries,
           OD_ALARM_RETRIES_MAX, (int)pause_ms);
}

static void drop(struct od_object *object, const struct od_alarm *alarm, bool has_failed)
{
    od_storage_end_alarm(&object->storage, NULL);
    if (has_failed)
        od_log(OD_LOG_ERROR, object->label, "alarm: dropped after %u failed tries",
               alarm->retries + 1);
}

void od_alarm_event_end(struct od_object *object, const struct od_event *event, bool has_failed)
{
    OD_ASSERT(object->alarm == NULL || object->alarm->kind == OD_EVENT_ALARM);
    struct od_alarm alarm;
    if (object->alarm != event)
        return;
    bool is_there = od_storage_alarm(&object->storage, &alarm) && runs(object, &alarm);
    bool may_retry =
        od_alarm_event_of(event).retries < OD_ALARM_RETRIES_MAX && !object->drops_alarm;
    object->alarm = NULL;
    object->drops_alarm = false;
    if (is_there && has_failed && may_retry)
        try_again(object, alarm);
    else if (is_there)
        drop(object, &alarm, has_failed);
    tell_main(object);
}

void od_alarm_event_leave(struct od_object *object, const struct od_event *event)
{
    od_log(OD_LOG_WARN, object->label,
           "alarm: the class has no alarm() handler; it waits for a version of the script that has "
           "one");
    OD_ASSERT(object->alarm == event);
    object->alarm = NULL;
    tell_main(object);
}

void od_alarm_event_lost(struct od_object *object, struct od_event *event)
{
    OD_ASSERT(event->kind == OD_EVENT_ALARM);
    bool is_running = object->alarm == event;
    if (object->objects->is_draining || object->has_lost_writes)
        object->alarm = is_running ? NULL : object->alarm;
    if (object->objects->is_draining) // It is still stored, and rings after the next start.
        return;
    if (object->has_lost_writes) {
        od_alarm_event_say_over(object, true);
    } else if (is_running || od_alarm_event_begin(object, event)) {
        od_alarm_event_end(object, event, true);
    }
}

// --- What the object's code sees -----------------------------------------------------------------

bool od_object_alarm(struct od_object *object, od_time_ms *time_ms)
{
    struct od_alarm alarm;
    if (!od_storage_alarm(&object->storage, &alarm) || runs(object, &alarm))
        return false;
    *time_ms = alarm.time_ms;
    return true;
}

// [alarm] is what storage has now; it counts on, so that no two settings have the same number.
static uint32_t next_serial(const struct od_object *object, const struct od_alarm *alarm)
{
    OD_ASSERT(object->alarm == NULL || object->alarm->kind == OD_EVENT_ALARM);
    if (alarm != NULL)
        return alarm->serial + 1;
    return object->alarm != NULL ? od_alarm_event_of(object->alarm).serial + 1 : 1;
}

bool od_object_set_alarm(struct od_object *object, od_time_ms time_ms, bool unconfirmed,
                         struct od_error *err)
{
    struct od_alarm old;
    bool has_old = od_storage_alarm(&object->storage, &old);
    if (!has_old && od_storage_has_failed(&object->storage, err))
        return false;
    od_time_ms now_ms = od_clock_wall_ms();
    time_ms = time_ms < now_ms ? now_ms : time_ms;
    if (has_old && old.due_ms == time_ms && old.time_ms == time_ms && !runs(object, &old))
        return true;
    struct od_alarm alarm = {.time_ms = time_ms,
                             .due_ms = time_ms,
                             .serial = next_serial(object, has_old ? &old : NULL)};
    return od_storage_set_alarm(&object->storage, &alarm, unconfirmed, err);
}

bool od_object_delete_alarm(struct od_object *object, bool unconfirmed, struct od_error *err)
{
    struct od_alarm alarm;
    if (!od_storage_alarm(&object->storage, &alarm))
        return !od_storage_has_failed(&object->storage, err);
    if (runs(object, &alarm))
        return true;
    if (object->alarm == NULL)
        return od_storage_delete_alarm(&object->storage, unconfirmed, err);
    alarm = od_alarm_event_of(object->alarm); // The one that runs is there again, in case it fails.
    return od_storage_set_alarm(&object->storage, &alarm, unconfirmed, err);
}
