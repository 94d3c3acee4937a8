#include "object/wish.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "codec/client_handshake.h"
#include "net/dial.h"
#include "net/net.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/outgoing.h"
#include "object/rewind.h"

// --- Its row -------------------------------------------------------------------------------------

enum {
    ROW_KIND = 3, // Behind the kinds of schedules (parts/schedule.h).
    NAME_BYTES = 9,
};

struct name {
    char bytes[NAME_BYTES];
};

static od_slice name_of(struct name *name, uint64_t number)
{
    name->bytes[0] = '\0';
    for (int i = 0; i < 8; i++)
        name->bytes[i + 1] = (char)(number >> (56 - 8 * i));
    return (od_slice){name->bytes, NAME_BYTES};
}

static bool read_name(od_slice name, uint64_t *number)
{
    if (name.size != NAME_BYTES || name.at[0] != '\0')
        return false;
    *number = 0;
    for (int i = 1; i < NAME_BYTES; i++)
        *number = *number << 8 | (uint8_t)name.at[i];
    return true;
}

static void put_row(struct od_bytes *body, const struct od_wish_row *row)
{
    OD_ASSERT(row->tag_count <= OD_TAGS_MAX);
    od_bytes_put_u8(body, ROW_KIND);
    od_bytes_put_string(body, row->url);
    od_bytes_put_string(body, row->protocols);
    od_bytes_put_string(body, row->headers);
    od_bytes_put_u32(body, (uint32_t)row->min_ms);
    od_bytes_put_u32(body, (uint32_t)row->max_ms);
    od_bytes_put_u16(body, (uint16_t)row->tag_count);
    for (size_t i = 0; i < row->tag_count; i++)
        od_bytes_put_string(body, row->tags[i]);
    od_bytes_put_u8(body, row->has_attachment);
    od_bytes_put_string(body, row->attachment);
}

static bool read_row(od_slice body, struct od_wish_row *row)
{
    struct od_cursor cursor = od_cursor_of(body);
    *row = (struct od_wish_row){0};
    if (od_cursor_u8(&cursor) != ROW_KIND)
        return false;
    row->url = od_cursor_string(&cursor);
    row->protocols = od_cursor_string(&cursor);
    row->headers = od_cursor_string(&cursor);
    row->min_ms = od_cursor_u32(&cursor);
    row->max_ms = od_cursor_u32(&cursor);
    row->tag_count = od_cursor_u16(&cursor);
    if (row->tag_count > OD_TAGS_MAX)
        return false;
    for (size_t i = 0; i < row->tag_count; i++)
        row->tags[i] = od_cursor_string(&cursor);
    row->has_attachment = od_cursor_u8(&cursor) != 0;
    row->attachment = od_cursor_string(&cursor);
    return !cursor.failed && row->min_ms > 0 && row->max_ms >= row->min_ms &&
           row->attachment.size <= OD_ATTACHMENT_BYTES_MAX;
}

// Slices of what is found live until something of the storage is written or asked for.
static bool find_row(struct od_object *object, uint64_t number, struct od_wish_row *row)
{
    struct name name;
    struct od_alarm_row found;
    return od_storage_alarm(&object->storage, name_of(&name, number), &found) &&
           read_row(found.body, row);
}

static bool write_row(struct od_object *object, uint64_t number, const struct od_wish_row *row,
                      struct od_error *err)
{
    struct name name;
    struct od_bytes body = {0};
    put_row(&body, row);
    struct od_alarm_row stored = {{.time_ms = OD_ALARM_NONE_MS, .due_ms = OD_ALARM_NONE_MS},
                                  od_bytes_slice(&body)};
    bool ok =
        body.size <= OD_STORE_ALARM_BODY_BYTES_MAX
            ? od_storage_set_alarm(&object->storage, name_of(&name, number), &stored, false, err)
            : od_error_set(err,
                           "its URL, headers, tags and attachment are more than %u bytes together",
                           OD_STORE_ALARM_BODY_BYTES_MAX);
    od_bytes_deinit(&body);
    return ok;
}

// --- Its socket ----------------------------------------------------------------------------------

static void dial(struct od_socket *socket);

static void on_timer(struct od_timer *timer)
{
    dial(OD_TIMER_MEMBER(timer, struct od_wish, timer)->socket);
}

void od_wish_adopt(struct od_socket *socket, uint64_t number)
{
    OD_ASSERT(socket->wish == NULL);
    OD_ASSERT(!socket->is_events);
    struct od_wish *wish = od_allocate_zeroed(sizeof *wish);
    wish->socket = socket;
    wish->number = number;
    wish->timer.fire = on_timer;
    wish->is_again = true;
    wish->opened_ms = socket->is_attached ? od_clock_monotonic_ms() : 0;
    socket->wish = wish;
    socket->object->wish_count++;
}

void od_wish_free(struct od_socket *socket)
{
    struct od_wish *wish = socket->wish;
    if (wish == NULL)
        return;
    struct od_objects *objects = socket->object->objects;
    OD_ASSERT(socket->object->wish_count > 0);
    socket->object->wish_count--;
    od_timers_clear(objects->timers, &wish->timer);
    if (wish->is_dialling)
        od_dial_cancel(objects->net, socket->id);
    socket->wish = NULL;
    free(wish);
}

static bool connects(const struct od_socket *socket)
{
    return socket->wish != NULL && !socket->is_attached && !socket->is_gone;
}

static struct od_socket *new_socket(struct od_object *object, uint64_t number, const od_slice *tags,
                                    size_t tag_count, od_slice attachment)
{
    struct od_socket *socket = od_socket_make(object, tags, tag_count);
    od_wish_adopt(socket, number);
    if (attachment.at != NULL)
        od_socket_set_attachment(socket, attachment);
    return socket;
}

static struct od_socket *new_socket_of(struct od_object *object, uint64_t number,
                                       const struct od_wish_row *row)
{
    return new_socket(object, number, row->tags, row->tag_count,
                      row->has_attachment ? row->attachment : (od_slice){0});
}

static bool check(const struct od_wish_row *row, struct od_error *err)
{
    struct od_cursor cursor = od_cursor_of(row->headers);
    struct od_headers headers = od_headers_read(&cursor);
    struct od_header header;
    while (od_headers_next(&headers, &header)) {
        if (od_client_handshake_sets(header.name))
            return od_error_set(err, "the header %.*s is set by the handshake",
                                (int)header.name.size, header.name.at);
    }
    return od_dial_check(row->url, err);
}

bool od_wish_make(struct od_object *object, const struct od_wish_row *row,
                  struct od_socket **socket, struct od_error *err)
{
    struct od_wish_row other;
    if (!check(row, err))
        return false;
    if (object->wish_count >= OD_OBJECT_WISHES_MAX || object->socket_count >= OD_OBJECT_SOCKETS_MAX)
        return od_error_set(err, "an object can have only %d WebSockets to outside, and %d in all",
                            OD_OBJECT_WISHES_MAX, OD_OBJECT_SOCKETS_MAX);
    // Those of an earlier life of the program may have numbers that come again.
    uint64_t number = object->objects->next_number + 1;
    while (find_row(object, number, &other))
        number++;
    if (!write_row(object, number, row, err))
        return false;
    *socket = new_socket(object, number, row->tags, row->tag_count, row->attachment);
    (*socket)->wish->is_again = false;
    od_outbox_put(object, (struct od_effect){.kind = OD_EFFECT_DIAL, .socket = *socket});
    return true;
}

// --- Dialling ------------------------------------------------------------------------------------

static void dial(struct od_socket *socket)
{
    struct od_objects *objects = socket->object->objects;
    struct od_wish *wish = socket->wish;
    struct od_wish_row row;
    OD_ASSERT(connects(socket));
    if (objects->is_leaving || objects->is_draining || wish->is_dialling)
        return;
    if (!find_row(socket->object, wish->number, &row)) {
        od_socket_discard(socket);
        return;
    }
    struct od_dial_way way = {.url = row.url, .protocols = row.protocols, .headers = row.headers};
    wish->is_dialling = true;
    od_dial_start(objects->net, socket->id, &way);
}

void od_wish_begin(struct od_socket *socket)
{
    if (connects(socket) && !od_timer_is_set(&socket->wish->timer))
        dial(socket);
}

static od_time_ms chance(od_time_ms below_ms)
{
    uint32_t number;
    ssize_t got = getrandom(&number, sizeof number, 0);
    OD_ASSERT(got == sizeof number);
    return below_ms <= 0 ? 0 : number % below_ms;
}

// Half of each pause is left to chance, so that a crowd that was cut at once does not come back at
// once.
static void dial_later(struct od_socket *socket, const struct od_wish_row *row)
{
    struct od_wish *wish = socket->wish;
    wish->pause_ms = wish->pause_ms * 2;
    if (wish->pause_ms < row->min_ms)
        wish->pause_ms = row->min_ms;
    if (wish->pause_ms > row->max_ms)
        wish->pause_ms = row->max_ms;
    od_timers_set(socket->object->objects->timers, &wish->timer,
                  od_clock_monotonic_ms() + wish->pause_ms / 2 + chance(wish->pause_ms / 2 + 1));
}

// Without the query, in which there may be a secret. Ever more rarely.
static void log_failure(const struct od_socket *socket, od_slice url, od_slice why)
{
    uint32_t count = socket->wish->failures;
    if ((count & (count - 1)) != 0)
        return;
    size_t shown = 0;
    while (shown < url.size && url.at[shown] != '?' && shown < OD_FETCH_SHOWN_BYTES_MAX)
        shown++;
    od_log(OD_LOG_WARN, socket->object->label,
           "connect %.*s: %.*s (attempt %u; the next one comes after %lld ms at the latest)",
           (int)shown, url.at, (int)why.size, why.at, count, (long long)socket->wish->pause_ms);
}

static void could_not(struct od_socket *socket, const struct od_wish_row *row, od_slice why)
{
    dial_later(socket, row);
    if (++socket->wish->failures == 1)
        od_socket_unreached(socket, why);
    log_failure(socket, row->url, why);
}

void od_wish_dialled(struct od_objects *objects, uint64_t number, int fd, od_slice bytes)
{
    struct od_socket *socket = od_socket_find(objects, number);
    if (socket == NULL) { // Else it would have cancelled.
        od_outgoing_dialled(objects, number, fd, bytes);
        return;
    }
    OD_ASSERT(socket->wish->is_dialling);
    struct od_wish_row row;
    socket->wish->is_dialling = false;
    if (!find_row(socket->object, socket->wish->number, &row)) { // deleteAll.
        if (fd >= 0)
            od_net_hang_up(objects->net, fd);
        od_socket_discard(socket);
    } else if (fd < 0) {
        could_not(socket, &row, bytes);
    } else {
        socket->wish->opened_ms = od_clock_monotonic_ms();
        socket->wish->failures = 0;
        socket->wish->is_opening = true;
        od_socket_opened(socket, socket->wish->is_again);
        od_socket_attach(objects, number, bytes, fd);
    }
}

// --- The next one --------------------------------------------------------------------------------

bool od_wish_end(struct od_socket *socket, struct od_error *err)
{
    struct name name;
    struct od_object *object = socket->object;
    if (!od_storage_delete_alarm(&object->storage, name_of(&name, socket->wish->number), false,
                                 err))
        return false;
    if (connects(socket))
        od_socket_discard(socket);
    return true;
}

static size_t tags_of(const struct od_socket *socket, od_slice tags[OD_TAGS_MAX])
{
    for (size_t i = 0; i < socket->tag_count; i++)
        tags[i] = od_socket_tag_at(socket, i);
    return socket->tag_count;
}

bool od_wish_store(const struct od_socket *socket, struct od_error *err)
{
    struct od_wish_row row;
    if (socket->wish == NULL || !find_row(socket->object, socket->wish->number, &row))
        return true;
    row.tag_count = tags_of(socket, row.tags);
    row.attachment = od_socket_attachment(socket);
    row.has_attachment = row.attachment.at != NULL;
    return write_row(socket->object, socket->wish->number, &row, err);
}

// What connects has no connection that has ended: its pause goes on.
static bool goes_on(struct od_socket *next, const struct od_socket *socket)
{
    const struct od_wish *wish = socket->wish;
    if (!connects(socket))
        return false;
    next->wish->failures = wish->failures;
    next->wish->is_again = wish->is_again;
    if (!od_timer_is_set(&wish->timer))
        return false;
    od_timers_set(socket->object->objects->timers, &next->wish->timer, wish->timer.due_ms);
    return true;
}

static bool has_lasted(const struct od_wish *wish, const struct od_wish_row *row)
{
    return wish->opened_ms != 0 && od_clock_monotonic_ms() - wish->opened_ms >= row->max_ms;
}

static void follow(const struct od_socket *socket, const struct od_wish_row *row,
                   struct od_socket *next)
{
    if (!has_lasted(socket->wish, row))
        next->wish->pause_ms = socket->wish->pause_ms;
    if (!goes_on(next, socket))
        dial_later(next, row);
}

void od_wish_renew(const struct od_socket *socket)
{
    struct od_object *object = socket->object;
    struct od_wish_row row;
    od_slice tags[OD_TAGS_MAX];
    if (socket->wish == NULL || object->objects->is_draining ||
        !find_row(object, socket->wish->number, &row))
        return;
    size_t tag_count = tags_of(socket, tags);
    follow(socket, &row,
           new_socket(object, socket->wish->number, tags, tag_count, od_socket_attachment(socket)));
}

void od_wish_renew_stored(const struct od_socket *socket)
{
    struct od_object *object = socket->object;
    struct od_wish_row row;
    if (socket->wish == NULL || object->objects->is_draining ||
        !find_row(object, socket->wish->number, &row))
        return;
    follow(socket, &row, new_socket_of(object, socket->wish->number, &row));
}

// --- What is stored ------------------------------------------------------------------------------

static bool has_socket(const struct od_object *object, uint64_t number)
{
    OD_LIST_EACH (link, &object->sockets) {
        const struct od_socket *socket = OD_LIST_MEMBER(link, struct od_socket, link);
        if (socket->wish != NULL && socket->wish->number == number)
            return true;
    }
    return false;
}

// A crowd of them is not dialled in one moment.
static void recall_one(struct od_object *object, uint64_t number, const struct od_wish_row *row)
{
    if (has_socket(object, number) || object->socket_count >= OD_OBJECT_SOCKETS_MAX)
        return;
    struct od_socket *socket = new_socket_of(object, number, row);
    od_timers_set(object->objects->timers, &socket->wish->timer,
                  od_clock_monotonic_ms() + chance(OD_WISH_MIN_MS));
}

void od_wish_drop_ended(struct od_object *object)
{
    struct od_wish_row row;
    OD_LIST_EACH_SAFE (link, &object->sockets) {
        struct od_socket *socket = OD_LIST_MEMBER(link, struct od_socket, link);
        if (connects(socket) && !find_row(object, socket->wish->number, &row))
            od_socket_discard(socket);
    }
}

void od_wish_recall(struct od_object *object)
{
    struct od_bytes alarms = {0};
    struct od_error err;
    if (object->objects->is_draining)
        return;
    if (!od_storage_list_alarms(&object->storage, &alarms, &err))
        od_log(OD_LOG_ERROR, object->label, "its WebSockets to outside: %s", err.text);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&alarms));
    while (!od_cursor_at_end(&cursor)) {
        uint64_t number;
        struct od_alarm_row stored;
        struct od_wish_row row;
        bool is_wish = read_name(od_cursor_string(&cursor), &number);
        od_slice bytes = od_cursor_string(&cursor);
        if (is_wish && od_alarm_row_read(bytes, &stored) && read_row(stored.body, &row))
            recall_one(object, number, &row);
    }
    od_bytes_deinit(&alarms);
    od_wish_drop_ended(object);
}

void od_wish_receive(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_identity identity;
    od_id id;
    od_identity_read(&cursor, &identity);
    if (cursor.failed)
        return;
    memcpy(id.bytes, identity.id, OD_ID_BYTES);
    if (od_places_of(objects, &id) != objects->worker)
        return; // Not yet here: main says it again.
    struct od_namespace *namespace = od_objects_add_namespace(objects, identity.space);
    struct od_object *object =
        od_objects_get(objects, namespace, &id, identity.has_name, identity.name);
    od_wish_recall(object);
    od_rewind_recall(object);
    od_object_settle(object);
}

od_slice od_wish_url(const struct od_socket *socket)
{
    struct od_wish_row row;
    return find_row(socket->object, socket->wish->number, &row) ? row.url : (od_slice){0};
}
