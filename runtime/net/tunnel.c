#include "net/tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "net/connect.h"
#include "net/net.h"

struct way { // One of both directions.
    struct od_bytes waiting;
    size_t sent;
    bool has_ended; // Nothing more comes,
    bool is_shut;   // and who reads it was told so.
};

struct tunnel {
    struct od_list link; // In the net's tunnels.
    struct od_connect *connect;
    uv_poll_t outer, inner; // Freed when both are closed.
    int inner_fd;
    unsigned open_polls;
    struct way in, out;
};

// --- Its end -------------------------------------------------------------------------------------

static void on_poll_closed(uv_handle_t *handle)
{
    struct tunnel *tunnel = handle->data;
    if (--tunnel->open_polls == 0)
        free(tunnel);
}

// The TLS connection goes at once, also one whose other end reads nothing any more.
static void tunnel_close(struct tunnel *tunnel)
{
    OD_ASSERT(tunnel->connect != NULL);
    od_list_remove(&tunnel->link);
    uv_close((uv_handle_t *)&tunnel->outer, on_poll_closed);
    uv_close((uv_handle_t *)&tunnel->inner, on_poll_closed);
    od_connect_free(tunnel->connect);
    tunnel->connect = NULL;
    close(tunnel->inner_fd);
    od_bytes_deinit(&tunnel->in.waiting);
    od_bytes_deinit(&tunnel->out.waiting);
}

void od_tunnels_free(struct od_net *net)
{
    while (!od_list_is_empty(&net->tunnels))
        tunnel_close(OD_LIST_MEMBER(net->tunnels.next, struct tunnel, link));
}

// --- Bytes ---------------------------------------------------------------------------------------

// More than 0: so many; 0: the end, in order or not; below: not now.
static ssize_t read_outer(struct tunnel *tunnel, char *at, size_t size)
{
    size_t got = 0;
    CURLcode code = curl_easy_recv(tunnel->connect->easy, at, size, &got);
    if (code == CURLE_AGAIN)
        return -1;
    return code == CURLE_OK ? (ssize_t)got : 0;
}

static ssize_t write_outer(struct tunnel *tunnel, const char *at, size_t size)
{
    size_t sent = 0;
    CURLcode code = curl_easy_send(tunnel->connect->easy, at, size, &sent);
    if (code == CURLE_AGAIN)
        return -1;
    return code == CURLE_OK ? (ssize_t)sent : 0;
}

static ssize_t read_inner(struct tunnel *tunnel, char *at, size_t size)
{
    ssize_t got = recv(tunnel->inner_fd, at, size, MSG_DONTWAIT);
    return got < 0 && errno != EAGAIN && errno != EINTR ? 0 : got;
}

static ssize_t write_inner(struct tunnel *tunnel, const char *at, size_t size)
{
    ssize_t sent = send(tunnel->inner_fd, at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 && errno != EAGAIN && errno != EINTR ? 0 : sent;
}

typedef ssize_t read_some(struct tunnel *tunnel, char *at, size_t size);
typedef ssize_t write_some(struct tunnel *tunnel, const char *at, size_t size);

static size_t left_of(const struct way *way)
{
    OD_ASSERT(way->sent <= way->waiting.size);
    return way->waiting.size - way->sent;
}

// False: who would read it is gone.
static bool write_all(struct tunnel *tunnel, struct way *way, write_some *write)
{
    while (left_of(way) > 0) {
        ssize_t sent = write(tunnel, way->waiting.at + way->sent, left_of(way));
        if (sent < 0)
            return true;
        if (sent == 0)
            return false;
        way->sent += (size_t)sent;
    }
    way->sent = 0;
    od_bytes_deinit(&way->waiting); // Idle ones have no buffer.
    return true;
}

// Until there is nothing more, or no room.
static bool carry(struct tunnel *tunnel, struct way *way, read_some *read, write_some *write)
{
    char *at = tunnel->connect->net->read_bytes;
    for (;;) {
        if (!write_all(tunnel, way, write))
            return false;
        if (way->has_ended || left_of(way) >= OD_TUNNEL_BYTES_MAX)
            return true;
        ssize_t got = read(tunnel, at, OD_NET_READ_BYTES_MAX);
        if (got < 0)
            return true;
        way->has_ended = got == 0;
        od_bytes_put(&way->waiting, at, (size_t)got);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events);

static int wants(const struct way *in, const struct way *out)
{
    int events = in->has_ended || left_of(in) >= OD_TUNNEL_BYTES_MAX ? 0 : UV_READABLE;
    return events | (left_of(out) > 0 ? UV_WRITABLE : 0);
}

static void watch(uv_poll_t *poll, int events)
{
    if (events == 0)
        uv_poll_stop(poll);
    else
        uv_poll_start(poll, events, on_ready);
}

// The end of what comes is passed on behind it. Of what goes out it is the end of all: whoever had
// the inner end wants no more.
static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct tunnel *tunnel = poll->data;
    (void)status;
    (void)events;
    if (tunnel->connect == NULL)
        return;
    bool ok = carry(tunnel, &tunnel->in, read_outer, write_inner) &&
              carry(tunnel, &tunnel->out, read_inner, write_outer);
    if (!ok || (tunnel->out.has_ended && left_of(&tunnel->out) == 0)) {
        tunnel_close(tunnel);
        return;
    }
    if (tunnel->in.has_ended && left_of(&tunnel->in) == 0 && !tunnel->in.is_shut) {
        shutdown(tunnel->inner_fd, SHUT_WR);
        tunnel->in.is_shut = true;
    }
    watch(&tunnel->outer, wants(&tunnel->in, &tunnel->out));
    watch(&tunnel->inner, wants(&tunnel->out, &tunnel->in));
}

// --- Its beginning -------------------------------------------------------------------------------

static bool begin_poll(struct tunnel *tunnel, uv_poll_t *poll, int fd)
{
    if (uv_poll_init(&tunnel->connect->net->loop->uv, poll, fd) != 0)
        return false;
    poll->data = tunnel;
    tunnel->open_polls++;
    return true;
}

static bool begin_polls(struct tunnel *tunnel, int fd)
{
    if (!begin_poll(tunnel, &tunnel->outer, fd))
        return false;
    if (begin_poll(tunnel, &tunnel->inner, tunnel->inner_fd))
        return true;
    uv_close((uv_handle_t *)&tunnel->outer, on_poll_closed);
    return false;
}

int od_tunnel_open(struct od_connect *connect, int fd, struct od_error *err)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
        (void)od_error_errno(err, "two descriptors are needed for a connection with TLS");
        od_connect_free(connect);
        return -1;
    }
    struct tunnel *tunnel = od_allocate_zeroed(sizeof *tunnel);
    tunnel->connect = connect;
    tunnel->inner_fd = fds[0];
    od_list_init(&tunnel->link);
    if (!begin_polls(tunnel, fd)) {
        (void)od_error_set(err, "the connection cannot be watched");
        if (tunnel->open_polls == 0)
            free(tunnel);
        od_connect_free(connect);
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    od_list_push_back(&connect->net->tunnels, &tunnel->link);
    watch(&tunnel->outer, UV_READABLE);
    watch(&tunnel->inner, UV_READABLE);
    return fds[1];
}
