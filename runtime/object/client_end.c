#include "object/client_end.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/upgrade_record.h"
#include "net/net.h"
#include "object/call_inner.h"
#include "object/task.h"

struct client_end {
    struct od_list link; // In the task's client_ends.
    uint32_t worker;     // Where the socket is, and its number there.
    uint64_t number;
    struct od_bytes url;
    struct od_bytes protocol;
    struct od_bytes record; // Of one that was dialled, with its connection;
    int fd;                 // -1: of another object's.
};

static struct client_end *find(const struct od_task *task, uint32_t worker, uint64_t number)
{
    OD_LIST_EACH (link, &task->client_ends) {
        struct client_end *end = OD_LIST_MEMBER(link, struct client_end, link);
        if (end->worker == worker && end->number == number)
            return end;
    }
    return NULL;
}

static struct client_end *end_new(struct od_task *task, uint32_t worker, uint64_t number)
{
    struct client_end *end = od_allocate_zeroed(sizeof *end);
    end->worker = worker;
    end->number = number;
    end->fd = -1;
    od_list_init(&end->link);
    od_list_push_back(&task->client_ends, &end->link);
    task->is_bound = true;
    return end;
}

void od_client_end_arrive(struct od_task *task, const struct od_response *response, od_slice url)
{
    OD_ASSERT(response->socket != 0);
    OD_ASSERT(od_places_are_workers(task->object->objects, response->worker));
    if (find(task, response->worker, response->socket) != NULL)
        return; // It was dialled.
    struct client_end *end = end_new(task, response->worker, response->socket);
    od_slice protocol = {NULL, 0};
    od_bytes_put_slice(&end->url, url);
    if (od_headers_find(response->headers, OD_SLICE("sec-websocket-protocol"), &protocol))
        od_bytes_put_slice(&end->protocol, protocol);
}

od_slice od_client_end_dialled(struct od_task *task, uint64_t number, od_slice record, int fd)
{
    struct od_upgrade_record upgrade;
    OD_ASSERT(fd >= 0);
    struct client_end *end = end_new(task, task->object->objects->worker, number);
    end->fd = fd;
    od_bytes_put_slice(&end->record, record);
    bool is_record = od_upgrade_record_read(od_bytes_slice(&end->record), &upgrade);
    OD_ASSERT(is_record);
    return upgrade.protocol;
}

bool od_client_end_is_there(const struct od_task *task, uint32_t worker, uint64_t number)
{
    return find(task, worker, number) != NULL;
}

bool od_client_end_is_dialled(const struct od_task *task, uint32_t worker, uint64_t number)
{
    const struct client_end *end = find(task, worker, number);
    return end != NULL && end->record.size > 0;
}

static void end_free(struct client_end *end)
{
    od_list_remove(&end->link);
    od_bytes_deinit(&end->url);
    od_bytes_deinit(&end->protocol);
    od_bytes_deinit(&end->record);
    free(end);
}

// What the connection brings along for one side of it.
static struct od_bytes record_of(const struct client_end *end, bool is_client)
{
    struct od_bytes bytes = {0};
    struct od_upgrade_record record = {.is_client = is_client,
                                       .url = od_bytes_slice(&end->url),
                                       .protocol = od_bytes_slice(&end->protocol)};
    od_upgrade_record_put(&bytes, &record);
    return bytes;
}

static void join(struct od_objects *objects, const struct client_end *end, uint64_t own,
                 const int fds[2])
{
    OD_ASSERT(od_places_are_workers(objects, end->worker));
    struct od_bytes client = record_of(end, true), server = record_of(end, false);
    od_socket_attach(objects, own, od_bytes_slice(&client), fds[0]);
    od_call_hand_over(objects, end->worker, end->number, od_bytes_slice(&server), fds[1]);
    od_bytes_deinit(&client);
    od_bytes_deinit(&server);
}

static bool accept_dialled(struct od_task *task, struct client_end *end, const od_slice *tags,
                           size_t tag_count, struct od_socket **socket, struct od_error *err)
{
    if (!od_socket_accept(task->object, task, false, tags, tag_count, socket, err))
        return false;
    od_socket_attach(task->object->objects, (*socket)->id, od_bytes_slice(&end->record), end->fd);
    end_free(end);
    return true;
}

bool od_client_end_accept(struct od_task *task, uint32_t worker, uint64_t number,
                          const od_slice *tags, size_t tag_count, struct od_socket **socket,
                          struct od_error *err)
{
    struct client_end *end = find(task, worker, number);
    int fds[2];
    if (end == NULL)
        return od_error_set(err, "this WebSocket is closed: it must be accepted or returned by "
                                 "the handler whose fetch it came from");
    if (end->fd >= 0)
        return accept_dialled(task, end, tags, tag_count, socket, err);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return od_error_errno(err, "two descriptors are needed for this WebSocket");
    if (!od_socket_accept(task->object, task, false, tags, tag_count, socket, err)) {
        close(fds[0]);
        close(fds[1]);
        return false;
    }
    join(task->object->objects, end, (*socket)->id, fds);
    end_free(end);
    return true;
}

void od_client_end_forget(struct od_task *task, uint32_t worker, uint64_t number)
{
    struct client_end *end = find(task, worker, number);
    if (end != NULL)
        end_free(end);
}

void od_client_ends_lose(struct od_task *task)
{
    for (struct od_list *link; (link = od_list_pop_front(&task->client_ends)) != NULL;) {
        struct client_end *end = OD_LIST_MEMBER(link, struct client_end, link);
        struct od_response response = {.worker = end->worker, .socket = end->number};
        int fd = end->fd;
        end_free(end);
        if (fd >= 0) {
            od_net_hang_up(task->object->objects->net, fd);
            continue;
        }
        od_call_lose_parts(task->object->objects, &response);
    }
}
