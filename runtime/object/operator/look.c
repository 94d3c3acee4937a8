#include "object/operator/look.h"

#include <string.h>

#include "base/cursor.h"
#include "link/commands.h"
#include "link/facts.h"
#include "link/invocation.h"
#include "object/operator/inspection.h"
#include "object/operator/look_sql.h"
#include "object/outbox.h"
#include "object/schedules.h"
#include "object/socket.h"
#include "object/tap.h"
#include "object/trace.h"
#include "object/wish.h"
#include "sql/copy.h"
#include "store/store.h"

// --- What it finds -------------------------------------------------------------------------------

typedef bool look(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                  struct od_error *err);

static bool tell_object(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                        struct od_error *err)
{
    (void)sent, (void)err;
    od_inspection_put(found, object);
    return true;
}

static bool list_keys(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                      struct od_error *err)
{
    struct od_range range = {.prefix = od_cursor_string(sent)};
    uint64_t count;
    range.start_after = od_cursor_string(sent);
    range.has_start_after = range.start_after.size > 0;
    range.limit = od_cursor_u32(sent);
    if (sent->failed || range.prefix.size > OD_STORE_KEY_BYTES_MAX ||
        range.start_after.size > OD_STORE_KEY_BYTES_MAX)
        return od_error_set(err, "that is no range of keys");
    return od_storage_list(&object->storage, &range, found, &count, err);
}

static bool get_key(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                    struct od_error *err)
{
    od_slice key = od_cursor_string(sent), value;
    if (sent->failed || key.size > OD_STORE_KEY_BYTES_MAX)
        return od_error_set(err, "that is no key");
    if (!od_storage_get(&object->storage, key, &value))
        return !od_storage_has_failed(&object->storage, err);
    od_bytes_put_string(found, key);
    od_bytes_put_string(found, value);
    return true;
}

static bool query(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                  struct od_error *err)
{
    bool ok = od_look_sql(&object->storage, sent, found, err);
    if (object->state == OD_ASLEEP)
        od_storage_rest(&object->storage);
    return ok;
}

// Several answers are one database when nothing was written between them.
static bool get_database(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                         struct od_error *err)
{
    uint32_t first = od_cursor_u32(sent);
    uint64_t mark = od_cursor_u64(sent);
    if (sent->failed || first == 0)
        return od_error_set(err, "that is no number of a page");
    if (mark == 0)
        mark = od_storage_mark_now(&object->storage, OD_MARK_PAGES);
    else if (!od_storage_is_as_marked(&object->storage, mark))
        mark = 0;
    od_bytes_put_u64(found, mark);
    od_bytes_put_u32(found, od_sql_copy_page_count(&object->storage));
    return mark == 0 || od_sql_copy_out(&object->storage, first, found, err);
}

static bool mark(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                 struct od_error *err)
{
    uint64_t number = od_cursor_u64(sent);
    (void)err;
    if (number == 0 || !od_storage_is_as_marked(&object->storage, number))
        number = od_storage_mark_now(&object->storage, OD_MARK_ALL);
    od_bytes_put_u64(found, number);
    return true;
}

static bool put_schedule_facts(struct od_bytes *facts, od_slice name,
                               const struct od_alarm_row *row)
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

static bool list_schedules(struct od_object *object, struct od_cursor *sent, struct od_bytes *facts,
                           struct od_error *err)
{
    (void)sent;
    struct od_bytes alarms = {0};
    bool ok = od_storage_list_alarms(&object->storage, &alarms, err);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&alarms));
    while (ok && !od_cursor_at_end(&cursor)) {
        struct od_alarm_row row;
        od_slice name = od_cursor_string(&cursor);
        bool is_row = od_alarm_row_read(od_cursor_string(&cursor), &row);
        OD_ASSERT(is_row);
        if (od_schedule_is_name(name) && !put_schedule_facts(facts, name, &row))
            ok = od_error_set(err, "the schedule '%.*s' cannot be read", (int)name.size, name.at);
    }
    od_bytes_deinit(&alarms);
    return ok;
}

static void put_wish(struct od_bytes *found, const struct od_socket *socket)
{
    if (socket->wish == NULL)
        return;
    od_facts_number(found, "outgoing", 1);
    if (socket->wish->failures > 0)
        od_facts_number(found, "failedAttempts", socket->wish->failures);
}

static void put_socket(struct od_bytes *found, const struct od_socket *socket)
{
    static const char *const states[] = {"connecting", "open", "closing", "closed"};
    od_facts_number(found, "socket", socket->id);
    od_facts_text(found, "kind",
                  socket->is_events ? OD_SLICE("event stream") : OD_SLICE("WebSocket"));
    od_facts_text(found, "state", od_slice_of(states[od_socket_ready_state(socket)]));
    od_facts_text(found, "url", od_socket_url(socket));
    put_wish(found, socket);
    for (size_t i = 0; i < socket->tag_count; i++)
        od_facts_item(found, "tags", od_socket_tag_at(socket, i));
    od_facts_number(found, "bufferedBytes", od_socket_buffered_bytes(socket));
    od_facts_number(found, "waitingMessages", socket->waiting_count);
    if (od_socket_attachment(socket).at != NULL)
        od_facts_value(found, "attachment", od_socket_attachment(socket));
    od_facts_end(found);
}

static bool list_sockets(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                         struct od_error *err)
{
    uint32_t left = od_cursor_at_end(sent) ? UINT32_MAX : od_cursor_u32(sent);
    (void)err;
    OD_LIST_EACH (link, &object->sockets) {
        if (left-- == 0)
            break;
        put_socket(found, OD_LIST_MEMBER(link, struct od_socket, link));
    }
    return true;
}

// An instance may be of another version than the one that is served.
static bool look_inside(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                        struct od_error *err)
{
    struct od_script *script = object->script != NULL ? object->script : object->objects->script;
    (void)sent, (void)err;
    if (script != NULL)
        script->put_inside(script, object, found);
    return true;
}

static bool list_events(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                        struct od_error *err)
{
    (void)sent;
    if (!od_trace_watch(object, err))
        return false;
    od_trace_put(found, object);
    return true;
}

// --- What it does --------------------------------------------------------------------------------

static const char evicted[] = "evicted by an operator";
static const char reset_words[] = "reset by an operator";
static const char deleted[] = "deleted by an operator";
static const char imported[] = "its database is imported by an operator";

static bool hibernate(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                      struct od_error *err)
{
    (void)sent, (void)found, (void)err;
    od_object_retire(object);
    return true;
}

static void drop_instance(struct od_object *object, const char *why)
{
    if (object->state != OD_ASLEEP)
        od_object_reset(object, od_slice_of(why));
}

static bool evict(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                  struct od_error *err)
{
    (void)sent, (void)found, (void)err;
    drop_instance(object, evicted);
    return true;
}

static bool reset(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                  struct od_error *err)
{
    (void)sent, (void)found, (void)err;
    od_object_abort(object, od_slice_of(reset_words), true);
    return true;
}

static bool delete_all(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                       struct od_error *err)
{
    (void)sent, (void)found;
    if (object->state != OD_ASLEEP || object->socket_count > 0)
        od_object_abort(object, od_slice_of(deleted), false);
    bool ok = od_storage_delete_all(&object->storage, false, err);
    od_wish_drop_ended(object);
    od_storage_seal(&object->storage);
    return ok;
}

static bool delete_database(struct od_object *object, struct od_cursor *sent,
                            struct od_bytes *found, struct od_error *err)
{
    (void)sent, (void)found, (void)err;
    drop_instance(object, imported);
    od_sql_copy_begin(&object->storage);
    od_storage_seal(&object->storage);
    return true;
}

static bool put_database(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                         struct od_error *err)
{
    (void)found;
    uint32_t first = od_cursor_u32(sent);
    od_slice pages = od_cursor_string(sent);
    drop_instance(object, imported);
    bool ok = od_sql_copy_in(&object->storage, first, pages, err);
    od_storage_seal(&object->storage);
    return ok;
}

static bool put_schedule(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                         struct od_error *err)
{
    (void)found;
    od_slice name = od_cursor_string(sent);
    od_time_ms time_ms = (od_time_ms)od_cursor_u64(sent);
    bool ok = od_object_import_schedule(object, name, time_ms, od_cursor_rest(sent), err);
    od_storage_seal(&object->storage);
    return ok;
}

// --- The answer ----------------------------------------------------------------------------------

static bool unknown(struct od_object *object, struct od_cursor *sent, struct od_bytes *found,
                    struct od_error *err)
{
    (void)object, (void)sent, (void)found;
    return od_error_set(err, "the running open-do does not know this command");
}

static look *find(od_slice name)
{
    static const struct {
        const char *name;
        look *look;
    } rows[] = {{"object", tell_object},
                {"kv.list", list_keys},
                {"kv.get", get_key},
                {"mark", mark},
                {"events", list_events},
                {"inside", look_inside},
                {"sql.read", query},
                {"schedules.list", list_schedules},
                {"schedules.put", put_schedule},
                {"sockets.list", list_sockets},
                {"sockets.watch", od_tap_watch},
                {"hibernate", hibernate},
                {"evict", evict},
                {"reset", reset},
                {"delete", delete_all},
                {"database.get", get_database},
                {"database.delete", delete_database},
                {"database.put", put_database}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (od_slice_equal(name, od_slice_of(rows[i].name)))
            return rows[i].look;
    }
    return unknown;
}

static void put_failure(struct od_object *object, uint64_t call, const char *why)
{
    struct od_bytes record = {0};
    od_failure_put(&record, &(struct od_failure){.message = od_slice_of(why)});
    od_outbox_put_synced(object, (struct od_effect){.kind = OD_EFFECT_FAILURE,
                                                    .number = call,
                                                    .bytes = od_bytes_slice(&record)});
    od_bytes_deinit(&record);
}

static void take(struct od_object *object, uint64_t call, od_slice bytes)
{
    OD_ASSERT(!od_object_is_entry(object));
    OD_ASSERT(object->running == NULL);
    struct od_invocation invocation;
    struct od_bytes found = {0};
    struct od_error err;
    bool is_whole = od_invocation_read(bytes, &invocation);
    OD_ASSERT(is_whole);
    struct od_cursor sent = od_cursor_of(invocation.arguments);
    if (find(invocation.method)(object, &sent, &found, &err))
        od_outbox_put_synced(object, (struct od_effect){.kind = OD_EFFECT_ANSWER,
                                                        .number = call,
                                                        .bytes = od_bytes_slice(&found)});
    else
        put_failure(object, call, err.text);
    od_bytes_deinit(&found);
    if (od_list_is_empty(&object->work->idle)) // Else its idle time would begin anew.
        od_object_settle(object);
}

const struct od_inspector od_look_inspector = {.look = take, .list = od_inspection_take};
