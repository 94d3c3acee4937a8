#include "main/worker_messages.h"

#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "link/connection.h"
#include "object/names/route.h"
#include "store/batch.h"

struct received {
    struct od_cursor body;
    int fd; // -1: none, or taken.
};

// False: the message makes no sense. A worker may be in strange hands (../README.md): it answers
// for its own objects, and once it serves.
typedef bool take_message(struct od_server *server, struct od_child *child,
                          struct received *received);

static bool serves(const struct od_child *child)
{
    return child->state == OD_CHILD_READY || child->state == OD_CHILD_DRAINING ||
           child->state == OD_CHILD_LEAVING;
}

static bool is_its_own(const struct od_server *server, const struct od_child *child,
                       const void *id_bytes)
{
    OD_ASSERT(id_bytes != NULL);
    od_id id;
    memcpy(id.bytes, id_bytes, sizeof id.bytes);
    return od_worker_of(&id, server->router.worker_count) == child->index;
}

// The committer looks at the rest, and says of which object something is wrong.
static bool are_its_own(const struct od_server *server, const struct od_child *child,
                        od_slice batches)
{
    struct od_cursor cursor = od_cursor_of(batches);
    struct od_batch batch;
    while (od_batch_next(&cursor, &batch)) {
        if (!is_its_own(server, child, batch.identity.id))
            return false;
    }
    return true;
}

static bool take_batches(struct od_server *server, struct od_child *child,
                         struct received *received)
{
    struct od_cursor *body = &received->body;
    uint32_t generation = od_cursor_u32(body);
    od_seq seq = od_cursor_u64(body);
    od_slice batches = od_cursor_rest(body);
    if (body->failed || !serves(child) || !are_its_own(server, child, batches))
        return false;
    od_committer_submit(server->committer, child->source, generation, seq, batches);
    return true;
}

static uint64_t number_of(const struct od_server *server, int fd)
{
    return server->door.connection_limit.limit == 0 || fd < 0 ? 0 : od_connection_number(fd);
}

static bool take_connection_over(struct od_server *server, struct od_child *child,
                                 struct received *received)
{
    (void)child; // One that lies about others lets them have more connections than they may.
    uint64_t number = od_cursor_u64(&received->body);
    od_connection_limit_leave(&server->door.connection_limit, number);
    return !received->body.failed;
}

// A worker that has ended since has not taken it.
static bool take_connection_moved(struct od_server *server, struct od_child *child,
                                  struct received *received)
{
    struct od_connection_limit *connection_limit = &server->door.connection_limit;
    uint64_t number = od_cursor_u64(&received->body);
    uint32_t to = od_cursor_u32(&received->body);
    if (received->body.failed || to >= server->supervisor.child_count)
        return false;
    od_connection_limit_move(connection_limit, number, child->index, to);
    if (!server->supervisor.children[to].has_link)
        od_connection_limit_worker_gone(connection_limit, to);
    return true;
}

// A number is announced once.
static bool may_keep(const struct od_server *server, const struct od_child *child, uint64_t socket,
                     od_slice record)
{
    struct od_cursor cursor = od_cursor_of(record);
    struct od_identity identity;
    od_identity_read(&cursor, &identity);
    return !cursor.failed && is_its_own(server, child, identity.id) &&
           od_keeper_find(&server->keeper, child->index, socket) == NULL;
}

static bool take_socket_keep(struct od_server *server, struct od_child *child,
                             struct received *received)
{
    uint64_t socket = od_cursor_u64(&received->body);
    uint32_t place = od_cursor_u32(&received->body);
    uint32_t lease = od_cursor_u32(&received->body);
    od_slice record = od_cursor_rest(&received->body);
    if (received->body.failed || place >= OD_PAGE_SOCKETS_MAX || !serves(child) ||
        !may_keep(server, child, socket, record))
        return false;
    if (lease != OD_PAGE_NO_PLACE && received->fd < 0) {
        received->fd = od_leases_take(&server->leases, child, lease);
        if (received->fd < 0)
            return false;
    }
    if (received->fd < 0) {
        od_log(OD_LOG_WARN, NULL,
               "a WebSocket is not kept: no descriptor is free; raise the limit "
               "of open files (ulimit -n)");
        return true;
    }
    od_connection_limit_keep(&server->door.connection_limit, number_of(server, received->fd),
                             child->index);
    od_keeper_keep(&server->keeper, child->index, socket, place, record, received->fd);
    received->fd = -1;
    return true;
}

static bool take_socket_facts(struct od_server *server, struct od_child *child,
                              struct received *received)
{
    uint64_t socket = od_cursor_u64(&received->body);
    od_slice facts = od_cursor_string(&received->body);
    if (received->body.failed || !serves(child))
        return false;
    od_keeper_facts(&server->keeper, child->index, socket, facts);
    return true;
}

static bool take_socket_state(struct od_server *server, struct od_child *child,
                              struct received *received)
{
    uint64_t socket = od_cursor_u64(&received->body);
    bool is_moving = od_cursor_u8(&received->body) != 0;
    od_slice record = od_cursor_rest(&received->body);
    struct od_cursor cursor = od_cursor_of(record);
    struct od_identity identity;
    od_identity_read(&cursor, &identity);
    bool may_say = serves(child) || (child->state == OD_CHILD_RESTORING && !is_moving);
    if (received->body.failed || cursor.failed || !may_say ||
        !is_its_own(server, child, identity.id))
        return false;
    const struct od_kept_socket *kept = od_keeper_find(&server->keeper, child->index, socket);
    if (kept != NULL)
        od_recovery_forget(&server->recovery, kept);
    od_keeper_state(&server->keeper, child->index, socket, is_moving, record);
    return true;
}

static bool take_socket_gone(struct od_server *server, struct od_child *child,
                             struct received *received)
{
    uint64_t socket = od_cursor_u64(&received->body);
    if (received->body.failed)
        return false;
    struct od_kept_socket *kept = od_keeper_find(&server->keeper, child->index, socket);
    if (kept == NULL)
        return true;
    od_connection_limit_give(&server->door.connection_limit, number_of(server, kept->fd),
                             child->index);
    od_recovery_forget(&server->recovery, kept);
    od_keeper_forget(&server->keeper, child->index, socket);
    return true;
}

static bool take_loaded(struct od_server *server, struct od_child *child, struct received *received)
{
    return od_reload_loaded(&server->reload, child, &received->body);
}

static bool take_switched(struct od_server *server, struct od_child *child,
                          struct received *received)
{
    (void)received;
    od_reload_switched(&server->reload, child);
    return true;
}

static bool take_looked_at(struct od_server *server, struct od_child *child,
                           struct received *received)
{
    (void)child;
    od_reload_looked_at(&server->reload, od_cursor_rest(&received->body));
    return true;
}

static bool take_status_report(struct od_server *server, struct od_child *child,
                               struct received *received)
{
    return od_status_take_report(&server->status, child, od_cursor_rest(&received->body));
}

static bool take_logged(struct od_server *server, struct od_child *child, struct received *received)
{
    (void)child;
    od_log_book_take(&server->log_book, od_cursor_rest(&received->body));
    return true;
}

static bool take_reply(struct od_server *server, struct od_child *child, struct received *received)
{
    return od_inquiries_take_reply(&server->inquiries, child, od_cursor_rest(&received->body));
}

static bool take_object_keep(struct od_server *server, struct od_child *child,
                             struct received *received)
{
    bool forget = od_cursor_u8(&received->body) != 0;
    od_slice id = od_cursor_bytes(&received->body, OD_PAGE_ID_BYTES);
    od_slice record = od_cursor_rest(&received->body);
    if (received->body.failed || !is_its_own(server, child, id.at))
        return false;
    od_keeper_object(&server->keeper, child->index, id.at, forget ? (od_slice){NULL, 0} : record);
    return true;
}

static bool take_back(struct od_server *server, struct od_child *child, struct received *received)
{
    (void)received;
    od_server_worker_back(server, child);
    return true;
}

static bool take_connection_left(struct od_server *server, struct od_child *child,
                                 struct received *received)
{
    uint32_t place = od_cursor_u32(&received->body);
    return !received->body.failed && od_leases_left(&server->leases, child, place);
}

static bool take_alarm_over(struct od_server *server, struct od_child *child,
                            struct received *received)
{
    od_slice id = od_cursor_bytes(&received->body, OD_PAGE_ID_BYTES);
    bool again = od_cursor_u8(&received->body) != 0;
    if (received->body.failed || !serves(child) || !is_its_own(server, child, id.at))
        return false;
    od_alarm_clock_over(&server->alarm_clock, (const uint8_t *)id.at, again);
    return true;
}

static bool take_slots_left(struct od_server *server, struct od_child *child,
                            struct received *received)
{
    while (!od_cursor_at_end(&received->body)) {
        od_slot slot = od_cursor_u16(&received->body);
        if (received->body.failed || !od_server_slot_left(server, child, slot))
            return false;
    }
    return true;
}

static bool take_object_wanted(struct od_server *server, struct od_child *child,
                               struct received *received)
{
    od_slice id = od_cursor_bytes(&received->body, OD_ID_BYTES);
    if (received->body.failed || !is_its_own(server, child, id.at) ||
        server->cluster.member == NULL)
        return false;
    od_server_want(server, (const uint8_t *)id.at);
    return true;
}

static take_message *const messages[OD_KIND_COUNT] = {
    [OD_KIND_CONNECTION_OVER] = take_connection_over,
    [OD_KIND_CONNECTION_MOVED] = take_connection_moved,
    [OD_KIND_BATCHES] = take_batches,
    [OD_KIND_BACK] = take_back,
    [OD_KIND_ALARM_OVER] = take_alarm_over,
    [OD_KIND_CONNECTION_LEFT] = take_connection_left,
    [OD_KIND_OBJECT_KEEP] = take_object_keep,
    [OD_KIND_SOCKET_KEEP] = take_socket_keep,
    [OD_KIND_SOCKET_FACTS] = take_socket_facts,
    [OD_KIND_SOCKET_STATE] = take_socket_state,
    [OD_KIND_SOCKET_GONE] = take_socket_gone,
    [OD_KIND_LOADED] = take_loaded,
    [OD_KIND_SWITCHED] = take_switched,
    [OD_KIND_LOOKED_AT] = take_looked_at,
    [OD_KIND_STATUS_REPORT] = take_status_report,
    [OD_KIND_LOGGED] = take_logged,
    [OD_KIND_REPLY] = take_reply,
    [OD_KIND_SLOTS_LEFT] = take_slots_left,
    [OD_KIND_OBJECT_WANTED] = take_object_wanted,
};

bool od_worker_messages_take(void *owner, struct od_child *child, enum od_kind kind, od_slice body,
                             int fd)
{
    struct od_server *server = owner;
    OD_ASSERT(kind < OD_KIND_COUNT);
    OD_ASSERT(child->index < server->supervisor.child_count);
    struct received received = {od_cursor_of(body), fd};
    bool ok = messages[kind] != NULL && messages[kind](server, child, &received);
    if (received.fd >= 0)
        close(received.fd);
    return ok;
}
