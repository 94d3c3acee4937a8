#include "net/wire_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/connection.h"
#include "link/worker_page.h"
#include "net/wire.h"

static const char lws_protocol_name[] = "open-do";

void od_wire_check(const struct od_wire *wire)
{
    OD_ASSERT(wire->fd >= 0);
    OD_ASSERT(wire->out_sent <= wire->out.size);
    OD_ASSERT((wire->shared != NULL) == (wire->shared_left.size > 0));
    OD_ASSERT(wire->counted_bytes <= wire->net->going_bytes);
    OD_ASSERT(wire->owner == NULL || !wire->is_closing);
    OD_ASSERT(wire->owner == NULL || !wire->is_released);
    OD_ASSERT(!wire->has_shut || wire->is_closing);
    OD_ASSERT(wire->page == NULL || wire->place < OD_PAGE_PLACES_MAX);
}

void od_wire_mark_dirty(struct od_wire *wire)
{
    if (od_list_is_empty(&wire->dirty))
        od_list_push_back(&wire->net->dirty, &wire->dirty);
}

void od_wire_mark_late(struct od_wire *wire)
{
    if (!od_list_is_empty(&wire->dirty))
        return;
    wire->is_late = true;
    wire->net->late_count++;
    od_list_push_back(&wire->net->late, &wire->dirty);
}

void od_wire_unmark(struct od_wire *wire)
{
    OD_ASSERT(!wire->is_late || wire->net->late_count > 0);
    wire->net->late_count -= wire->is_late;
    wire->is_late = false;
    od_list_remove(&wire->dirty);
}

static void on_linger(struct od_timer *timer)
{
    od_wire_cut(OD_TIMER_MEMBER(timer, struct od_wire, linger));
}

static void init_wire(struct od_wire *wire, struct od_net *net, int fd,
                      const struct od_wire_protocol *protocol, void *owner)
{
    *wire = (struct od_wire){.net = net, .protocol = protocol, .owner = owner, .fd = fd};
    wire->linger.fire = on_linger;
    od_list_init(&wire->readable);
    od_list_init(&wire->dirty);
    od_list_init(&wire->all);
    od_list_push_back(&net->wires, &wire->all);
}

// The wire is made known to libwebsockets only once it has been adopted: before, its callbacks (it
// also calls them while adoption fails) find none.
bool od_wire_adopt(struct od_net *net, int fd, const struct od_wire_protocol *protocol, void *owner,
                   struct od_wire **wire, struct od_error *err)
{
    OD_ASSERT(fd >= 0);
    lws_adopt_desc_t info = {.vh = net->vhost,
                             .type = LWS_ADOPT_RAW_FILE_DESC,
                             .fd = {.filefd = fd},
                             .vh_prot_name = lws_protocol_name};
    uint64_t number = net->tells_over ? od_connection_number(fd) : 0;
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&info);
    if (wsi == NULL) {
        od_net_tell_over(net, number);
        return od_error_set(err,
                            "libwebsockets does not take descriptor %d: there may be more "
                            "than the limit of open files (ulimit -n) or %d allow",
                            fd, OD_NET_DESCRIPTORS_MAX);
    }
    *wire = od_allocate(sizeof **wire);
    init_wire(*wire, net, fd, protocol, owner);
    (*wire)->wsi = wsi;
    (*wire)->number = number;
    lws_set_opaque_user_data(wsi, *wire);
    if (net->is_held)
        od_wire_hold(*wire);
    return true;
}

// libwebsockets answers with LWS_CALLBACK_RAW_CLOSE_FILE before it returns.
static void end_now(struct od_wire *wire)
{
    OD_ASSERT(!wire->net->is_in_callback);
    lws_set_timeout(wire->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

void od_wire_flush(struct od_wire *wire)
{
    od_wire_check(wire);
    od_wire_send_now(wire);
    od_list_remove(&wire->dirty);
    if (wire->awaits_room)
        lws_callback_on_writable(wire->wsi);
    // Here and not where it was cut: that may have been inside a callback about this very wire.
    if (wire->is_cut)
        end_now(wire);
}

// Reading.

void od_wire_pause(struct od_wire *wire)
{
    od_wire_check(wire);
    if (!wire->is_paused)
        lws_rx_flow_control(wire->wsi, 0);
    wire->is_paused = true;
}

void od_wire_resume(struct od_wire *wire)
{
    od_wire_check(wire);
    if (wire->is_paused && !wire->has_ended && !wire->net->is_held)
        lws_rx_flow_control(wire->wsi, 1);
    wire->is_paused = false;
}

// One that nobody owns reads into the void, which is no loss.
void od_wire_hold(struct od_wire *wire)
{
    if (wire->owner != NULL)
        lws_rx_flow_control(wire->wsi, 0);
}

// Letting go.

void od_wire_close(struct od_wire *wire)
{
    OD_ASSERT(!wire->is_closing);
    od_wire_check(wire);
    wire->owner = NULL;
    od_wire_leave_place(wire);
    od_wire_mark(wire, OD_PAGE_CLOSING, 0);
    wire->is_closing = true;
    // The rest of what the client sends is read into the void: bytes that lie unread when the
    // descriptor is closed make the kernel reset the connection, with our last answer in it.
    od_wire_resume(wire);
    od_loop_set_timer(wire->net->loop, &wire->linger, wire->net->limits.linger_ms);
    od_wire_mark_dirty(wire);
}

void od_wire_abort(struct od_wire *wire)
{
    od_wire_check(wire);
    wire->owner = NULL;
    od_wire_leave_place(wire);
    // Its owner has forgotten it, so only od_net_flush will find it.
    od_wire_cut(wire);
}

// Main may have a duplicate, so no way to close the descriptor would do it.
void od_wire_reset(struct od_wire *wire)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)connect(wire->fd, &nowhere, sizeof nowhere); // Else it is no TCP, and merely closed.
    od_wire_abort(wire);
}

void od_wire_cut(struct od_wire *wire)
{
    od_wire_check(wire);
    wire->is_cut = true;
    od_wire_drop_waiting(wire);
    od_wire_mark_dirty(wire);
}

void od_wire_put_unsent(const struct od_wire *wire, struct od_bytes *unsent)
{
    od_bytes_put_slice(unsent, wire->shared_left);
    od_bytes_put_slice(unsent, od_slice_from(od_bytes_slice(&wire->out), wire->out_sent));
}

// libwebsockets knows no way to give a descriptor back; it closes the number it was given. So the
// connection moves to another number and something harmless takes its place. Before that the old
// number must leave epoll, which watches the connection and not the number, and would go on telling
// this process of a connection that lives in another one.
int od_wire_release(struct od_wire *wire, struct od_bytes *unsent)
{
    OD_ASSERT(!wire->net->is_in_callback);
    od_wire_check(wire);
    int fd = fcntl(wire->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    OD_ASSERT(wire->file_left == 0);
    od_wire_put_unsent(wire, unsent);
    struct epoll_event ignored = {0};
    epoll_ctl(uv_backend_fd(&wire->net->loop->uv), EPOLL_CTL_DEL, wire->fd, &ignored);
    dup3(wire->net->harmless_fd, wire->fd, O_CLOEXEC);
    wire->is_released = true;
    wire->owner = NULL;
    od_wire_end_lease(wire);
    wire->page = NULL;
    end_now(wire);
    return fd;
}

// Of TCP an end of the stream says no more than that; a peer that has closed altogether is known by
// the answer of his system to what he is sent.
static bool is_hung_up(const struct od_wire *wire)
{
    struct pollfd look = {.fd = wire->fd};
    return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR)) != 0;
}

// Nothing more will come. The wire stays for what is still to be sent; false: it is done.
static bool end_reading(struct od_wire *wire)
{
    bool has_to_send = wire->owner != NULL || od_wire_waiting_bytes(wire) > 0;
    if (!has_to_send || is_hung_up(wire))
        return false;
    // Else the end of the stream would be readable for ever, and the loop spin.
    od_wire_pause(wire);
    wire->has_ended = true;
    if (wire->owner != NULL)
        wire->protocol->half_ended(wire->owner);
    return true;
}

// False: it is done.
static bool read_once(struct od_wire *wire)
{
    char *at = wire->net->read_bytes;
    // Before the bytes leave the kernel: should the process end behind the recv, the page says so.
    if (wire->owner != NULL)
        wire->protocol->stirs(wire->owner);
    ssize_t size = recv(wire->fd, at, OD_NET_READ_BYTES_MAX, MSG_DONTWAIT);
    OD_ASSERT(size <= OD_NET_READ_BYTES_MAX);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return true;
    if (size > 0 && wire->owner != NULL && !wire->is_cut)
        wire->protocol->bytes(wire->owner, at, (size_t)size);
    return size > 0 || (size == 0 && end_reading(wire));
}

// One that was read before it in this turn may have paused it, or cut it.
void od_wire_read(struct od_wire *wire)
{
    od_wire_check(wire);
    bool is_held = wire->net->is_held && wire->owner != NULL;
    if (!wire->is_cut && !wire->is_paused && !is_held && !read_once(wire))
        end_now(wire);
}

// What libwebsockets calls.

// It is told again for as long as there is something to read.
static int on_readable(struct od_wire *wire)
{
    if (od_list_is_empty(&wire->readable))
        od_list_push_back(&wire->net->readable, &wire->readable);
    return 0;
}

static int on_writable(struct od_wire *wire)
{
    if (wire->is_cut)
        return 0;
    od_wire_write(wire);
    if (wire->awaits_room)
        od_wire_mark_dirty(
            wire); // What is asked of libwebsockets here, it forgets when this returns.
    else if (wire->owner != NULL && wire->protocol->sent != NULL)
        wire->protocol->sent(wire->owner);
    return 0;
}

static int on_closed(struct od_wire *wire)
{
    const struct od_wire_protocol *protocol = wire->protocol;
    void *owner = wire->owner;
    lws_set_opaque_user_data(wire->wsi, NULL); // It may be told once more.
    // Main has a duplicate of the descriptor: closing ours would end nothing.
    if (!wire->is_released) {
        shutdown(wire->fd, SHUT_RDWR);
        od_net_tell_over(wire->net, wire->number);
    }
    od_wire_end_lease(wire);
    od_loop_clear_timer(wire->net->loop, &wire->linger);
    od_list_remove(&wire->all);
    od_list_remove(&wire->readable);
    od_wire_unmark(wire);
    od_wire_drop_waiting(wire);
    free(wire);
    if (owner != NULL)
        protocol->ended(owner);
    return 0;
}

static int call(int (*handle)(struct od_wire *), struct lws *wsi)
{
    struct od_wire *wire = lws_get_opaque_user_data(wsi);
    if (wire == NULL)
        return 0;
    struct od_net *net = wire->net;
    net->is_in_callback = true;
    int result = handle(wire);
    net->is_in_callback = false;
    return result;
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t size)
{
    (void)user, (void)in, (void)size;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE:
        return call(on_readable, wsi);
    case LWS_CALLBACK_RAW_WRITEABLE_FILE:
        return call(on_writable, wsi);
    case LWS_CALLBACK_RAW_CLOSE_FILE:
        return call(on_closed, wsi);
    default:
        return 0;
    }
}

const struct lws_protocols *od_wire_lws_protocols(void)
{
    static const struct lws_protocols protocols[] = {
        {.name = lws_protocol_name, .callback = on_lws}, {.name = NULL}};
    return protocols;
}
