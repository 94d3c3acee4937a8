#include "net/wire_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/connection.h"
#include "link/worker_page.h"
#include "net/wire.h"

static void check_going(const struct od_wire *wire, const struct od_going *going)
{
    OD_ASSERT(going->wire == wire);
    OD_ASSERT(going->out_sent <= going->out.size);
    OD_ASSERT((going->shared != NULL) == (going->shared_left.size > 0));
    OD_ASSERT(going->counted_bytes <= wire->net->going_bytes);
}

void od_wire_check(const struct od_wire *wire)
{
    OD_ASSERT(wire->fd >= 0);
    OD_ASSERT(wire->owner == NULL || !wire->is_closing);
    OD_ASSERT(wire->owner == NULL || !wire->is_released);
    OD_ASSERT(!wire->has_shut || wire->is_closing);
    OD_ASSERT(!wire->is_shown || wire->place < OD_PAGE_PLACES_MAX);
    if (wire->going != NULL)
        check_going(wire, wire->going);
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

static void init_wire(struct od_wire *wire, struct od_net *net, int fd,
                      const struct od_wire_protocol *protocol, void *owner)
{
    *wire = (struct od_wire){.net = net, .protocol = protocol, .owner = owner, .fd = fd};
    od_list_init(&wire->dirty);
    od_list_init(&wire->all);
    od_list_push_back(&net->wires, &wire->all);
}

bool od_wire_adopt(struct od_net *net, int fd, const struct od_wire_protocol *protocol, void *owner,
                   struct od_wire **wire, struct od_error *err)
{
    OD_ASSERT(fd >= 0);
    struct od_wire *adopted = od_allocate(sizeof *adopted);
    uint8_t wishes = net->is_held ? OD_LOOKOUT_NOTHING : OD_LOOKOUT_BYTES;
    if (!od_lookout_set(&net->lookout, fd, OD_LOOKOUT_NOTHING, wishes, adopted)) {
        (void)od_error_errno(err, "descriptor %d cannot be watched", fd);
        free(adopted);
        od_net_hang_up(net, fd);
        return false;
    }
    init_wire(adopted, net, fd, protocol, owner);
    adopted->wishes = wishes;
    *wire = adopted;
    return true;
}

// One that nobody owns reads into the void, which is no loss, also while the net is held.
static bool is_read(const struct od_wire *wire)
{
    bool is_held = wire->net->is_held && wire->owner != NULL && !wire->is_awaited;
    return !wire->is_paused && !wire->has_ended && !is_held;
}

void od_wire_fit_wishes(struct od_wire *wire)
{
    if (wire->is_released)
        return;
    uint8_t wishes = (uint8_t)((is_read(wire) ? OD_LOOKOUT_BYTES : 0) |
                               (wire->awaits_room ? OD_LOOKOUT_ROOM : 0));
    if (od_lookout_set(&wire->net->lookout, wire->fd, wire->wishes, wishes, wire))
        wire->wishes = wishes;
    else
        od_wire_cut(wire);
}

// The descriptor leaves the lookout first (lookout.h).
static void close_connection(struct od_wire *wire)
{
    OD_ASSERT(!wire->is_released);
    od_lookout_forget(&wire->net->lookout, wire->fd, wire->wishes);
    if (wire->has_shut && wire->has_ended)
        od_net_close(wire->net, wire->fd);
    else
        od_net_hang_up(wire->net, wire->fd);
}

static void end_now(struct od_wire *wire)
{
    const struct od_wire_protocol *protocol = wire->protocol;
    void *owner = wire->owner;
    if (!wire->is_released)
        close_connection(wire);
    od_wire_end_lease(wire);
    od_list_remove(&wire->all);
    od_wire_unmark(wire);
    od_wire_drop_waiting(wire);
    free(wire);
    if (owner != NULL)
        protocol->ended(owner);
}

void od_wire_flush(struct od_wire *wire)
{
    OD_ASSERT(wire->owner == NULL || !wire->is_closing);
    od_wire_send_now(wire);
    od_list_remove(&wire->dirty);
    // Here and not where it was cut: that may have been while this very wire was told of bytes.
    if (wire->is_cut)
        end_now(wire);
}

// Reading.

void od_wire_pause(struct od_wire *wire)
{
    od_wire_check(wire);
    wire->is_paused = true;
    od_wire_fit_wishes(wire);
}

void od_wire_resume(struct od_wire *wire)
{
    od_wire_check(wire);
    wire->is_paused = false;
    od_wire_fit_wishes(wire);
}

void od_wire_await(struct od_wire *wire, bool is_awaited)
{
    od_wire_check(wire);
    wire->is_awaited = is_awaited;
    od_wire_fit_wishes(wire);
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
    // Nobody is left to linger for.
    if (wire->has_ended && od_wire_waiting_bytes(wire) == 0) {
        od_wire_cut(wire);
        return;
    }
    // The rest of what the client sends is read into the void: bytes that lie unread when the
    // descriptor is closed make the kernel reset the connection, with our last answer in it.
    od_wire_resume(wire);
    od_wire_linger(wire);
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

void od_wire_reset(struct od_wire *wire)
{
    od_connection_reset(wire->fd);
    od_wire_abort(wire);
}

void od_wire_cut(struct od_wire *wire)
{
    od_wire_check(wire);
    wire->is_cut = true;
    od_wire_drop_waiting(wire);
    od_wire_mark_dirty(wire);
}

// An end of the stream that was read is read again, for the new owner.
void od_wire_take(struct od_wire *wire, const struct od_wire_protocol *protocol, void *owner)
{
    OD_ASSERT(wire->owner == NULL && !wire->is_closing && !wire->is_released);
    wire->protocol = protocol;
    wire->owner = owner;
    wire->is_paused = wire->has_ended = false;
    od_wire_fit_wishes(wire);
}

// The wire stays until the flush, for the lookout may be about to tell of it.
int od_wire_release(struct od_wire *wire, struct od_bytes *unsent)
{
    od_wire_check(wire);
    OD_ASSERT(!od_wire_sends_file(wire));
    od_wire_put_unsent(wire, unsent);
    od_lookout_forget(&wire->net->lookout, wire->fd, wire->wishes);
    wire->owner = NULL;
    od_wire_end_lease(wire);
    wire->is_shown = false;
    od_wire_cut(wire);
    wire->is_released = true;
    return wire->fd;
}

// Nothing more will come. The wire stays for what is still to be sent; false: it is done. Of TCP an
// end of the stream says no more than that; a peer that has closed altogether is known by the
// answer of his system to what he is sent.
static bool end_reading(struct od_wire *wire, bool is_gone)
{
    bool has_to_send = wire->owner != NULL || od_wire_waiting_bytes(wire) > 0;
    wire->has_ended = true;
    if (!has_to_send || is_gone)
        return false;
    // Else the end of the stream would be readable for ever, and the loop spin.
    od_wire_pause(wire);
    if (wire->owner != NULL)
        wire->protocol->half_ended(wire->owner);
    return true;
}

// False: it is done.
static bool read_once(struct od_wire *wire, bool is_gone)
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
    return size > 0 || (size == 0 && end_reading(wire, is_gone));
}

static void send_again(struct od_wire *wire)
{
    od_wire_write(wire);
    if (wire->is_cut)
        return;
    if (!wire->awaits_room && wire->owner != NULL && wire->protocol->sent != NULL)
        wire->protocol->sent(wire->owner);
}

// One that was told of before it in this turn may have paused it, or cut it.
void od_wire_ready(void *ready, uint8_t what)
{
    struct od_wire *wire = ready;
    if (wire->is_cut)
        return;
    od_wire_check(wire);
    if ((what & OD_LOOKOUT_ROOM) != 0 && wire->awaits_room)
        send_again(wire);
    if ((what & OD_LOOKOUT_BYTES) == 0 || wire->is_cut || !is_read(wire))
        return;
    struct od_net *net = wire->net;
    if (!read_once(wire, (what & OD_LOOKOUT_GONE) != 0))
        end_now(wire);
    net->reads++;
}
