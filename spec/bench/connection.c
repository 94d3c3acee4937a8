#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// One read takes at most this much: dozens of small frames, a few large ones.
#define READ_BYTES ((size_t)64 << 10)

static bool watch(struct connection *connection, int epoll, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    return epoll_ctl(epoll, operation, connection->fd, &event) == 0;
}

bool connection_init(struct connection *connection, int fd, int epoll)
{
    *connection = (struct connection){.fd = fd};
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return false;
    return watch(connection, epoll, EPOLL_CTL_ADD, EPOLLIN);
}

void connection_deinit(struct connection *connection)
{
    if (connection->carrier)
        connection->carrier->end(connection->carried);
    connection->carrier = NULL;
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
    bytes_free(&connection->rest);
    bytes_free(&connection->unsent);
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static ssize_t receive_some(struct connection *connection, struct bytes *in)
{
    bytes_reserve(in, READ_BYTES);
    size_t room = in->capacity - in->length;
    ssize_t got = connection->carrier ? connection->carrier->receive(connection->carried,
                                                                     in->data + in->length, room)
                                      : recv(connection->fd, in->data + in->length, room, 0);
    if (got > 0)
        in->length += (size_t)got;
    return got;
}

// What carries may hold more than the socket does, and epoll does not know of that.
bool connection_read(struct connection *connection, struct bytes *in)
{
    in->length = 0;
    bytes_append(in, connection->rest.data, connection->rest.length);
    bytes_free(&connection->rest);
    ssize_t got = receive_some(connection, in);
    while (got > 0 && connection->carrier)
        got = receive_some(connection, in);
    return got > 0 || (got < 0 && would_block());
}

void connection_keep(struct connection *connection, const struct bytes *in, size_t from)
{
    bytes_append(&connection->rest, in->data + from, in->length - from);
}

// Says how much the kernel took, or -1 when the peer is gone.
static ssize_t send_some(struct connection *connection, const struct bytes *out)
{
    ssize_t sent = connection->carrier
                       ? connection->carrier->send(connection->carried, out->data, out->length)
                       : send(connection->fd, out->data, out->length, MSG_NOSIGNAL);
    return sent >= 0 ? sent : would_block() ? 0 : -1;
}

bool connection_write(struct connection *connection, struct bytes *out, int epoll)
{
    bool first = connection->unsent.length == 0;
    ssize_t sent = first && out->length > 0 ? send_some(connection, out) : 0;
    size_t left = sent < 0 ? 0 : out->length - (size_t)sent;
    bytes_append(&connection->unsent, out->data + out->length - left, left);
    out->length = 0;
    if (first && left > 0)
        return watch(connection, epoll, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    return sent >= 0;
}

bool connection_flush(struct connection *connection, int epoll)
{
    ssize_t sent = send_some(connection, &connection->unsent);
    if (sent < 0)
        return false;
    bytes_drop(&connection->unsent, (size_t)sent);
    if (connection->unsent.length > 0)
        return true;
    bytes_free(&connection->unsent);
    return watch(connection, epoll, EPOLL_CTL_MOD, EPOLLIN);
}
