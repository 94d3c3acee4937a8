#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/worker_page.h"
#include "net/wire.h"
#include "net/wire_inner.h"

// What a wire sends: a frame that is shared, bytes of its own, and a file, in this order.

enum {
    out_bytes_first = 1000,     // A buffer's first size: some frames of a turn, without moving it.
    file_piece_bytes = 1 << 20, // Of a file, in one call.
};

// The buffer of a wire that has sent all goes to the next that puts something.
static void take_buffer(struct od_wire *wire)
{
    struct od_net *net = wire->net;
    OD_ASSERT(wire->out.at == NULL);
    bool has_spare = net->spare_count > 0;
    wire->out.at = has_spare ? net->spares[--net->spare_count] : od_allocate(out_bytes_first);
    wire->out.capacity = out_bytes_first;
}

static void give_buffer(struct od_wire *wire)
{
    struct od_net *net = wire->net;
    if (wire->out.capacity != out_bytes_first || net->spare_count == OD_NET_SPARES_MAX) {
        od_bytes_deinit(&wire->out);
        return;
    }
    net->spares[net->spare_count++] = wire->out.at;
    od_bytes_init(&wire->out);
}

static struct od_bytes *out_of(struct od_wire *wire)
{
    OD_ASSERT(!wire->is_closing && wire->file_left == 0);
    if (wire->out.capacity == 0)
        take_buffer(wire);
    return &wire->out;
}

struct od_bytes *od_wire_out(struct od_wire *wire)
{
    if (od_list_is_empty(&wire->dirty)) // The first time since it was sent.
        od_wire_check(wire);
    od_wire_mark_dirty(wire);
    return out_of(wire);
}

void od_wire_count(struct od_wire *wire)
{
    OD_ASSERT(wire->counted_bytes <= wire->net->going_bytes);
    if (wire->counted_bytes == 0 && wire->out.size > 0)
        wire->taken_ms = od_clock_monotonic_ms();
    wire->net->going_bytes += wire->out.size - wire->counted_bytes;
    wire->counted_bytes = wire->out.size;
}

// Much of it may only wait for the end of the turn.
static void make_room(struct od_net *net)
{
    od_time_ms now_ms = od_clock_monotonic_ms();
    OD_LIST_EACH (link, &net->wires) {
        struct od_wire *wire = OD_LIST_MEMBER(link, struct od_wire, all);
        if (wire->counted_bytes <= OD_NET_SMALL_BYTES)
            continue;
        // What was put in this turn has never been offered to the kernel.
        od_wire_send_now(wire);
        bool is_read = now_ms - wire->taken_ms < net->limits.linger_ms;
        if (!is_read && wire->counted_bytes > OD_NET_SMALL_BYTES)
            od_wire_cut(wire);
    }
}

// Small is what the wire holds with it: a small answer does not wait for those who do not read.
bool od_wire_can_hold(struct od_wire *wire, size_t size)
{
    struct od_net *net = wire->net;
    if (wire->out.size + size <= OD_NET_SMALL_BYTES)
        return true;
    od_wire_count(wire);
    if (net->going_bytes + size > OD_NET_GOING_BYTES_MAX)
        make_room(net);
    return net->going_bytes + size <= OD_NET_GOING_BYTES_MAX;
}

size_t od_wire_waiting_bytes(const struct od_wire *wire)
{
    return wire->shared_left.size + wire->out.size - wire->out_sent + (size_t)wire->file_left;
}

void od_wire_put_file(struct od_wire *wire, int fd, uint64_t first, uint64_t size)
{
    OD_ASSERT(wire->file_left == 0 && size > 0);
    wire->file = fd;
    wire->file_at = first;
    wire->file_left = size;
    od_wire_mark_dirty(wire);
}

static void drop_file(struct od_wire *wire)
{
    if (wire->file_left > 0)
        close(wire->file);
    wire->file_left = 0;
}

void od_wire_put_shared(struct od_wire *wire, struct od_frame_shared *frame, od_slice bytes)
{
    OD_ASSERT(!wire->is_closing);
    od_wire_check(wire);
    od_wire_mark_late(wire);
    if (od_wire_waiting_bytes(wire) > 0) {
        od_bytes_put_slice(out_of(wire), bytes);
        return;
    }
    wire->shared = od_frame_shared_keep(frame);
    wire->shared_left = bytes;
}

static uint32_t bytes_on_their_way(const struct od_wire *wire)
{
    int bytes = 0;
    ioctl(wire->fd, SIOCOUTQ, &bytes);
    return (uint32_t)bytes;
}

uint32_t od_wire_taken_bytes(const struct od_wire *wire)
{
    return wire->sent_bytes - bytes_on_their_way(wire);
}

bool od_wire_has_sent_all(const struct od_wire *wire)
{
    return od_wire_waiting_bytes(wire) == 0 && bytes_on_their_way(wire) == 0;
}

bool od_wire_is_taking(const struct od_wire *wire, uint32_t taken_bytes)
{
    return !od_wire_has_sent_all(wire) && od_wire_taken_bytes(wire) != taken_bytes;
}

bool od_wire_is_done(const struct od_wire *wire)
{
    return wire->has_shut && bytes_on_their_way(wire) == 0;
}

static void drop_shared(struct od_wire *wire)
{
    od_frame_shared_drop(wire->shared);
    wire->shared = NULL;
    wire->shared_left = (od_slice){0};
}

static void drop_out(struct od_wire *wire)
{
    give_buffer(wire);
    wire->out_sent = 0;
    od_wire_count(wire);
}

// Forgets the first [count] bytes of what waits. What is sent stays in the buffer until it is half
// of it, so that a slow reader of a long queue does not make us move it again and again.
static void forget_sent(struct od_wire *wire, size_t count)
{
    OD_ASSERT(count <= od_wire_waiting_bytes(wire));
    wire->sent += count;
    size_t of_shared = count < wire->shared_left.size ? count : wire->shared_left.size;
    // The shared frame goes first: it was put when nothing else waited.
    wire->shared_left = od_slice_from(wire->shared_left, of_shared);
    if (wire->shared_left.size == 0)
        drop_shared(wire);
    if (wire->out.size == 0)
        return;
    wire->out_sent += count - of_shared;
    if (wire->out_sent == wire->out.size) {
        drop_out(wire);
    } else if (wire->out_sent > wire->out.size / 2) {
        od_bytes_drop_front(&wire->out, wire->out_sent);
        wire->out_sent = 0;
    }
}

// The only place that writes to the world. Returns how much the kernel took; -1: the wire is
// broken.
static ssize_t send_some(struct od_wire *wire)
{
    OD_ASSERT(!wire->is_cut);
    od_slice shared = wire->shared_left;
    od_slice own = od_slice_from(od_bytes_slice(&wire->out), wire->out_sent);
    struct iovec parts[2] = {{(void *)(uintptr_t)shared.at, shared.size},
                             {(void *)(uintptr_t)own.at, own.size}};
    int skipped = shared.size == 0 ? 1 : 0;
    struct msghdr message = {.msg_iov = parts + skipped, .msg_iovlen = (size_t)(2 - skipped)};
    int more = wire->file_left > 0 ? MSG_MORE : 0; // A file follows in the same segments.
    ssize_t sent = sendmsg(wire->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | more);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    return sent;
}

// The kernel copies; a piece, so that others come to their right. False: it has become shorter, or
// the wire is broken.
static bool send_file(struct od_wire *wire)
{
    off_t at = (off_t)wire->file_at;
    size_t size = wire->file_left < file_piece_bytes ? (size_t)wire->file_left : file_piece_bytes;
    ssize_t sent = sendfile(wire->fd, wire->file, &at, size);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return true;
    if (sent <= 0)
        return false;
    wire->file_at += (uint64_t)sent;
    wire->sent += (uint64_t)sent;
    wire->sent_bytes += (uint32_t)sent;
    if (wire->file_left == (uint64_t)sent)
        drop_file(wire);
    else
        wire->file_left -= (uint64_t)sent;
    if (wire->is_closing)
        od_loop_set_timer(wire->net->loop, &wire->linger, wire->net->limits.linger_ms);
    return true;
}

static bool has_bytes(const struct od_wire *wire)
{
    return wire->shared_left.size + wire->out.size - wire->out_sent > 0;
}

static void shut_when_sent(struct od_wire *wire)
{
    if (!wire->is_closing || wire->has_shut || od_wire_waiting_bytes(wire) > 0)
        return;
    shutdown(wire->fd, SHUT_WR);
    wire->has_shut = true;
    // The peer's end came before ours, so nobody is left to linger for.
    if (wire->has_ended)
        od_wire_cut(wire);
}

void od_wire_write(struct od_wire *wire)
{
    // Shown before it is sent. If the worker ends in between, main finds that the kernel has
    // counted less than the page says, and cuts a connection on which half a frame may be out.
    if (od_wire_waiting_bytes(wire) > 0)
        od_wire_show(wire);
    if (has_bytes(wire)) {
        ssize_t sent = send_some(wire);
        if (sent < 0) {
            od_wire_cut(wire);
            return;
        }
        wire->sent_bytes += (uint32_t)sent;
        forget_sent(wire, (size_t)sent);
        od_wire_count(wire);
        if (sent > 0 && od_wire_waiting_bytes(wire) > 0)
            wire->taken_ms = od_clock_monotonic_ms();
        // A reader that takes something of what is left has its time anew.
        if (sent > 0 && wire->is_closing)
            od_loop_set_timer(wire->net->loop, &wire->linger, wire->net->limits.linger_ms);
    }
    if (wire->file_left > 0 && !has_bytes(wire) && !send_file(wire)) {
        od_wire_cut(wire);
        return;
    }
    wire->awaits_room = od_wire_waiting_bytes(wire) > 0;
    if (!wire->awaits_room)
        od_wire_mark(wire, 0, OD_PAGE_SENDING);
    od_wire_fit_wishes(wire);
    shut_when_sent(wire);
}

void od_wire_send_now(struct od_wire *wire)
{
    if (!wire->is_cut && !wire->awaits_room)
        od_wire_write(wire);
}

void od_wire_drop_waiting(struct od_wire *wire)
{
    drop_file(wire);
    drop_shared(wire);
    drop_out(wire);
}
