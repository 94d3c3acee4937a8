#include "main/takeover_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "codec/proxy_header.h"
#include "link/connection.h"
#include "main/server_inner.h"

void od_takeover_put_fd(struct od_takeover_writing *writing, int fd)
{
    od_bytes_put_u32(&writing->record, (uint32_t)fd);
    if (fd >= 0)
        od_bytes_put_u32(&writing->fds, (uint32_t)fd);
}

int od_takeover_take_fd(struct od_cursor *cursor)
{
    int fd = (int)od_cursor_u32(cursor);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

void od_takeover_put_listeners(struct od_takeover_writing *writing,
                               const struct od_listeners *listeners)
{
    od_bytes_put_u16(&writing->record, listeners->port);
    for (size_t i = 0; i < listeners->count; i++)
        od_takeover_put_fd(writing, listeners->fds[i]);
}

void od_takeover_take_listeners(struct od_listeners *listeners, struct od_cursor *cursor)
{
    listeners->port = od_cursor_u16(cursor);
    while (!od_cursor_at_end(cursor) && listeners->count < OD_LISTENERS_MAX) {
        int fd = od_takeover_take_fd(cursor);
        od_listener_prepare(fd);
        listeners->fds[listeners->count++] = fd;
    }
}

// --- The script, and the lives of workers --------------------------------------------------------

static void put_script(struct od_takeover_writing *writing, struct od_server *server)
{
    const struct od_reload *reload = &server->reload;
    od_bytes_put_u32(&writing->record, reload->version);
    od_bytes_put_string(&writing->record, od_bytes_slice(&reload->required));
    od_bytes_put_slice(&writing->record, od_bytes_slice(&reload->served));
}

static bool take_script(struct od_server *server, struct od_cursor *cursor)
{
    struct od_verdict verdict;
    uint32_t version = od_cursor_u32(cursor);
    od_slice required = od_cursor_string(cursor);
    if (!od_verdict_read(cursor, &verdict) || !verdict.ok || version == 0)
        return false;
    od_reload_serve(&server->reload, version, &verdict);
    od_reload_looked_at(&server->reload, required);
    return true;
}

static void put_workers(struct od_takeover_writing *writing, struct od_server *server)
{
    const struct od_supervisor *supervisor = &server->supervisor;
    od_bytes_put_u32(&writing->record, supervisor->last_source);
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        od_bytes_put_u64(&writing->record, supervisor->children[i].last_number);
}

static bool take_workers(struct od_server *server, struct od_cursor *cursor)
{
    struct od_supervisor *supervisor = &server->supervisor;
    supervisor->last_source = od_cursor_u32(cursor);
    for (uint32_t i = 0; i < supervisor->child_count; i++)
        supervisor->children[i].last_number = od_cursor_u64(cursor);
    return !cursor->failed;
}

// --- Objects and sockets -------------------------------------------------------------------------

static void put_object(void *owner, const struct od_kept_object *object)
{
    struct od_bytes *record = owner;
    od_bytes_put_u32(record, object->worker);
    od_bytes_put(record, object->id, sizeof object->id);
    od_bytes_put_string(record, (od_slice){object->record, object->record_bytes});
}

static void put_objects(struct od_takeover_writing *writing, struct od_server *server)
{
    for (uint32_t i = 0; i < server->supervisor.child_count; i++)
        od_keeper_each_object(&server->keeper, i, put_object, &writing->record);
}

static bool take_objects(struct od_server *server, struct od_cursor *cursor)
{
    while (!od_cursor_at_end(cursor)) {
        uint32_t worker = od_cursor_u32(cursor);
        od_slice id = od_cursor_bytes(cursor, OD_PAGE_ID_BYTES);
        od_slice record = od_cursor_string(cursor);
        if (cursor->failed || worker >= server->supervisor.child_count)
            return false;
        od_keeper_object(&server->keeper, worker, id.at, record);
    }
    return !cursor->failed;
}

static void put_socket(void *owner, struct od_kept_socket *kept)
{
    struct od_takeover_writing *writing = owner;
    od_bytes_put_u32(&writing->record, kept->worker);
    od_bytes_put_u64(&writing->record, kept->socket);
    od_takeover_put_fd(writing, kept->fd);
    od_bytes_put_u16(&writing->record, kept->code);
    od_bytes_put_u64(&writing->record, (uint64_t)kept->answered_ms);
    od_bytes_put_string(&writing->record, (od_slice){kept->facts, kept->facts_bytes});
    od_bytes_put_string(&writing->record, (od_slice){kept->record, kept->record_bytes});
}

static void put_sockets(struct od_takeover_writing *writing, struct od_server *server)
{
    for (uint32_t i = 0; i < server->supervisor.child_count; i++)
        od_keeper_each(&server->keeper, i, put_socket, writing);
}

// Who was let in is not turned away now, so one address may have more than it may; then some are
// not counted.
static void count(struct od_server *server, int fd, uint32_t worker)
{
    struct od_door *door = &server->door;
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    if (door->connection_limit.limit == 0 || getpeername(fd, (struct sockaddr *)&peer, &size) != 0)
        return;
    struct in6_addr address = od_door_address_of(&peer);
    if (!od_networks_have(&server->options->trusted_proxies, &address) &&
        od_connection_limit_enter(&door->connection_limit, fd, &address))
        od_connection_limit_keep(&door->connection_limit, od_connection_number(fd), worker);
}

static bool take_socket(struct od_server *server, struct od_cursor *cursor)
{
    uint32_t worker = od_cursor_u32(cursor);
    uint64_t socket = od_cursor_u64(cursor);
    int fd = od_takeover_take_fd(cursor);
    uint16_t code = od_cursor_u16(cursor);
    od_time_ms answered_ms = (od_time_ms)od_cursor_u64(cursor);
    od_slice facts = od_cursor_string(cursor);
    od_slice record = od_cursor_string(cursor);
    if (cursor->failed || worker >= server->supervisor.child_count)
        return false;
    struct od_kept_socket *kept = od_keeper_keep(&server->keeper, worker, socket, 0, record, fd);
    kept->code = code;
    kept->answered_ms = answered_ms;
    kept->is_moving = code == 0;
    if (facts.size > 0)
        od_keeper_facts(&server->keeper, worker, socket, facts);
    if (fd >= 0)
        count(server, fd, worker);
    return true;
}

static bool take_sockets(struct od_server *server, struct od_cursor *cursor)
{
    while (!od_cursor_at_end(cursor)) {
        if (!take_socket(server, cursor))
            return false;
    }
    for (uint32_t i = 0; i < server->supervisor.child_count; i++)
        od_recovery_begin(&server->recovery, &server->supervisor.children[i]);
    return !cursor->failed;
}

// --- The door ------------------------------------------------------------------------------------

// Its TLS is introduced anew to the next program.
static void put_arrival_bytes(struct od_bytes *record, const struct od_arrival *arrival)
{
    struct od_bytes bytes = {0};
    if (arrival->tls.size > 0) {
        od_slice tls = od_bytes_slice(&arrival->tls);
        const char *blank = memchr(tls.at, ' ', tls.size);
        OD_ASSERT(blank != NULL);
        size_t version_bytes = (size_t)(blank - tls.at);
        od_proxy_header_put_tls(&bytes, (od_slice){tls.at, version_bytes},
                                od_slice_from(tls, version_bytes + 1));
    }
    od_bytes_put_slice(&bytes, od_bytes_slice(&arrival->bytes));
    od_bytes_put_string(record, od_bytes_slice(&bytes));
    od_bytes_deinit(&bytes);
}

// One that has been answered only waits for its client to close.
static void put_arrivals_of(struct od_takeover_writing *writing, const struct od_list *arrivals)
{
    struct od_bytes *record = &writing->record;
    OD_LIST_EACH (link, arrivals) {
        const struct od_arrival *arrival = OD_LIST_MEMBER(link, struct od_arrival, link);
        od_takeover_put_fd(writing, arrival->fd);
        od_bytes_put_u32(record, arrival->times_returned);
        od_bytes_put_u8(record, arrival->may_introduce || arrival->tls.size > 0);
        od_bytes_put_u8(record, arrival->is_tls);
        od_bytes_put_string(record, od_slice_of(arrival->peer));
        put_arrival_bytes(record, arrival);
    }
}

static void put_arrivals(struct od_takeover_writing *writing, struct od_server *server)
{
    put_arrivals_of(writing, &server->door.arrivals[OD_ARRIVAL_READING]);
    put_arrivals_of(writing, &server->door.arrivals[OD_ARRIVAL_WAITING]);
}

static bool take_arrival(struct od_server *server, struct od_cursor *cursor)
{
    struct od_returned returned = {.fd = od_takeover_take_fd(cursor)};
    returned.times = od_cursor_u32(cursor);
    returned.may_introduce = od_cursor_u8(cursor) != 0;
    bool is_tls = od_cursor_u8(cursor) != 0;
    od_slice peer = od_cursor_string(cursor), bytes = od_cursor_string(cursor);
    if (cursor->failed || peer.size >= sizeof returned.peer)
        return false;
    memcpy(returned.peer, peer.at, peer.size);
    od_bytes_put_slice(&returned.bytes, bytes);
    if (is_tls && !returned.may_introduce) // By a program whose process for TLS told nothing.
        od_arrival_note_tls(&returned.tls, OD_SLICE("TLS"), (od_slice){0});
    returned.how = bytes.size > 0 ? OD_RETURN_UNTOUCHED : OD_RETURN_AT_REST;
    od_listener_prepare(returned.fd);
    count(server, returned.fd, 0);
    od_door_return(&server->door, &returned);
    return true;
}

static bool take_arrivals(struct od_server *server, struct od_cursor *cursor)
{
    while (!od_cursor_at_end(cursor)) {
        if (!take_arrival(server, cursor))
            return false;
    }
    return !cursor->failed;
}

// --- TLS -----------------------------------------------------------------------------------------

static void put_retired(void *owner, int number, int link_fd)
{
    struct od_takeover_writing *writing = owner;
    od_bytes_put_u32(&writing->record, (uint32_t)number);
    od_takeover_put_fd(writing, link_fd);
}

// Its process stays, with all its connections; so do those before it.
static void put_tls(struct od_takeover_writing *writing, struct od_server *server)
{
    const struct od_door *door = &server->door;
    od_bytes_put_u32(&writing->record, (uint32_t)door->tls_from);
    od_bytes_put_u16(&writing->record, door->listeners.tls_port);
    od_bytes_put_u32(&writing->record, (uint32_t)od_tls_process_number(&server->tls));
    od_takeover_put_fd(writing, od_tls_process_fd(&server->tls));
    od_tls_retired_each(&server->tls.retired, put_retired, writing);
}

static bool take_tls(struct od_server *server, struct od_cursor *cursor)
{
    struct od_error err;
    server->door.tls_from = od_cursor_u32(cursor);
    server->door.listeners.tls_port = od_cursor_u16(cursor);
    int number = (int)od_cursor_u32(cursor);
    int fd = od_takeover_take_fd(cursor);
    while (!od_cursor_at_end(cursor)) {
        int retired = (int)od_cursor_u32(cursor), retired_fd = od_takeover_take_fd(cursor);
        if (!cursor->failed && retired > 1 && retired_fd >= 0)
            od_tls_retired_add(&server->tls.retired, retired, retired_fd);
    }
    if (cursor->failed || fd < 0)
        return !cursor->failed;
    return od_tls_process_adopt(&server->tls, number, fd, &err);
}

// --- The admin listener --------------------------------------------------------------------------

static void put_admin(struct od_takeover_writing *writing, struct od_server *server)
{
    od_takeover_put_listeners(writing, &server->admin.door.listeners);
}

static bool take_admin(struct od_server *server, struct od_cursor *cursor)
{
    od_takeover_take_listeners(&server->admin.door.listeners, cursor);
    return !cursor->failed;
}

// --- Refusals ------------------------------------------------------------------------------------

static void put_refusals(struct od_takeover_writing *writing, struct od_server *server)
{
    od_quarantine_put(&server->quarantine, &writing->record);
}

static bool take_refusals(struct od_server *server, struct od_cursor *cursor)
{
    return od_quarantine_take(&server->quarantine, cursor);
}

const struct od_takeover_part od_takeover_parts[OD_TAKEOVER_SECTION_COUNT] = {
    [OD_TAKEOVER_SCRIPT] = {put_script, take_script},
    [OD_TAKEOVER_WORKERS] = {put_workers, take_workers},
    [OD_TAKEOVER_OBJECTS] = {put_objects, take_objects},
    [OD_TAKEOVER_SOCKETS] = {put_sockets, take_sockets},
    [OD_TAKEOVER_ARRIVALS] = {put_arrivals, take_arrivals},
    [OD_TAKEOVER_TLS] = {put_tls, take_tls},
    [OD_TAKEOVER_ADMIN] = {put_admin, take_admin},
    [OD_TAKEOVER_REFUSALS] = {put_refusals, take_refusals},
};
