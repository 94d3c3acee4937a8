#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/worker_page.h"
#include "net/wire.h"
#include "net/wire_inner.h"

enum {
    out_bytes_first = 1000,     // A buffer's first size: some frames of a turn, without moving it.
    file_piece_bytes = 1 << 20, // Of a file, in one call.
};

// --- What is going -------------------------------------------------------------------------------

static void on_linger(struct od_timer *timer)
{
    od_wire_cut(OD_TIMER_MEMBER(timer, struct od_going, linger)->wire);
}

struct od_going *od_wire_going(struct od_wire *wire)
{
    struct od_net *net = wire->net;
    if (wire->going != NULL)
        return wire->going;
    wire->going = net->spare_count > 0 ? net->spares[--net->spare_count]
                                       : od_allocate_zeroed(sizeof *wire->going);
    wire->going->wire = wire;
    return wire->going;
}

void od_wire_linger(struct od_wire *wire)
{
    OD_ASSERT(wire->is_closing);
    struct od_going *going = od_wire_going(wire);
    going->linger.fire = on_linger;
    od_loop_set_timer(wire->net->loop, &going->linger, wire->net->limits.linger_ms);
}

static void free_going(struct od_going *going)
{
    od_bytes_deinit(&going->out);
    free(going);
}

// Nothing waits any more.
static void give_going(struct od_wire *wire)
{
    struct od_net *net = wire->net;
    struct od_going *going = wire->going;
    OD_ASSERT(going->counted_bytes == 0 && going->shared == NULL && going->file_left == 0);
    wire->going = NULL;
    if (net->spare_count == OD_NET_SPARES_MAX) {
        free_going(going);
        return;
    }
    OD_ASSERT(going->out.size == 0 && !od_timer_is_set(&going->linger));
    net->spares[net->spare_count++] = going;
}

void od_wire_free_spares(struct od_net *net)
{
    while (net->spare_count > 0)
        free_going(net->spares[--net->spare_count]);
}

static void drop_file(struct od_going *going)
{
    if (going->file_left > 0)
        close(going->file);
    going->file_left = 0;
}

OD_SELDOM static void drop_shared(struct od_going *going)
{
    od_frame_shared_drop(going->shared);
    going->shared = NULL;
    going->shared_left = (od_slice){0};
}

static void drop_out(struct od_going *going)
{
    if (going->out.capacity != out_bytes_first)
        od_bytes_deinit(&going->out);
    going->out.size = going->out_sent = 0;
}

void od_wire_drop_waiting(struct od_wire *wire)
{
    struct od_going *going = wire->going;
    if (going == NULL)
        return;
    od_loop_clear_timer(wire->net->loop, &going->linger);
    drop_file(going);
    drop_shared(going);
    drop_out(going);
    od_wire_count(wire);
    give_going(wire);
}

// --- Putting -------------------------------------------------------------------------------------

static struct od_bytes *out_of(struct od_wire *wire)
{
    struct od_going *going = od_wire_going(wire);
    OD_ASSERT(!wire->is_closing && going->file_left == 0);
    if (going->out.capacity == 0)
        od_bytes_reserve(&going->out, out_bytes_first);
    return &going->out;
}

// The first time since it was sent.
static __attribute__((noinline)) struct od_bytes *begin_out(struct od_wire *wire)
{
    od_wire_mark_dirty(wire);
    return out_of(wire);
}

inline struct od_bytes *od_wire_out(struct od_wire *wire)
{
    struct od_going *going = wire->going;
    bool has_begun = !od_list_is_empty(&wire->dirty) && going != NULL && going->out.size > 0;
    if (!has_begun)
        return begin_out(wire);
    OD_ASSERT(!wire->is_closing && going->file_left == 0);
    return &going->out;
}

inline void od_wire_count(struct od_wire *wire)
{
    struct od_going *going = wire->going;
    if (going == NULL)
        return;
    OD_ASSERT(going->counted_bytes <= wire->net->going_bytes);
    if (going->counted_bytes == 0 && going->out.size > 0)
        going->taken_ms = wire->net->loop->now_ms; // Of this turn.
    wire->net->going_bytes += going->out.size - going->counted_bytes;
    going->counted_bytes = going->out.size;
}

static size_t counted_bytes(const struct od_wire *wire)
{
    return wire->going == NULL ? 0 : wire->going->counted_bytes;
}

// Much of it may only wait for the end of the turn.
OD_SELDOM static void make_room(struct od_net *net)
{
    od_time_ms now_ms = od_clock_monotonic_ms();
    OD_LIST_EACH (link, &net->wires) {
        struct od_wire *wire = OD_LIST_MEMBER(link, struct od_wire, all);
        if (counted_bytes(wire) <= OD_NET_SMALL_BYTES)
            continue;
        // What was put in this turn has never been offered to the kernel.
        od_wire_send_now(wire);
        if (counted_bytes(wire) > OD_NET_SMALL_BYTES &&
            now_ms - wire->going->taken_ms >= net->limits.linger_ms)
            od_wire_cut(wire);
    }
}

static __attribute__((noinline)) bool can_hold_much(struct od_wire *wire, size_t size)
{
    struct od_net *net = wire->net;
    od_wire_count(wire);
    if (net->going_bytes + size > OD_NET_GOING_BYTES_MAX)
        make_room(net);
    return net->going_bytes + size <= OD_NET_GOING_BYTES_MAX;
}

// Small is what the wire holds with it: a small answer does not wait for those who do not read.
bool od_wire_can_hold(struct od_wire *wire, size_t size)
{
    size_t own = wire->going == NULL ? 0 : wire->going->out.size;
    return own + size <= OD_NET_SMALL_BYTES || can_hold_much(wire, size);
}

static size_t bytes_left(const struct od_going *going)
{
    return going->shared_left.size + going->out.size - going->out_sent;
}

inline size_t od_wire_waiting_bytes(const struct od_wire *wire)
{
    const struct od_going *going = wire->going;
    return going == NULL ? 0 : bytes_left(going) + (size_t)going->file_left;
}

bool od_wire_sends_file(const struct od_wire *wire)
{
    return wire->going != NULL && wire->going->file_left > 0;
}

void od_wire_put_unsent(const struct od_wire *wire, struct od_bytes *unsent)
{
    const struct od_going *going = wire->going;
    if (going == NULL)
        return;
    od_bytes_put_slice(unsent, going->shared_left);
    od_bytes_put_slice(unsent, od_slice_from(od_bytes_slice(&going->out), going->out_sent));
}

void od_wire_put_file(struct od_wire *wire, int fd, uint64_t first, uint64_t size)
{
    OD_ASSERT(!od_wire_sends_file(wire) && size > 0);
    struct od_going *going = od_wire_going(wire);
    going->file = fd;
    going->file_at = first;
    going->file_left = size;
    od_wire_mark_dirty(wire);
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
    struct od_going *going = od_wire_going(wire);
    going->shared = od_frame_shared_keep(frame);
    going->shared_left = bytes;
}

// --- Sending -------------------------------------------------------------------------------------

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

// Returns how many of [count] bytes were of the shared frame, which goes first: it was put when
// nothing else waited.
OD_SELDOM static size_t forget_shared(struct od_going *going, size_t count)
{
    size_t of_shared = count < going->shared_left.size ? count : going->shared_left.size;
    going->shared_left = od_slice_from(going->shared_left, of_shared);
    if (going->shared_left.size == 0)
        drop_shared(going);
    return of_shared;
}

// Forgets the first [count] bytes of what waits. What is sent stays in the buffer until it is half
// of it, so that a slow reader of a long queue does not make us move it again and again.
static void forget_sent(struct od_wire *wire, size_t count)
{
    struct od_going *going = wire->going;
    OD_ASSERT(count <= bytes_left(going));
    wire->sent += count;
    wire->sent_bytes += (uint32_t)count;
    if (going->shared != NULL)
        count -= forget_shared(going, count);
    if (going->out.size == 0)
        return;
    going->out_sent += count;
    if (going->out_sent == going->out.size) {
        drop_out(going);
    } else if (going->out_sent > going->out.size / 2) {
        od_bytes_drop_front(&going->out, going->out_sent);
        going->out_sent = 0;
    }
}

static __attribute__((noinline)) ssize_t send_both(int fd, od_slice first, od_slice second,
                                                   int flags)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)first.at, first.size},
                             {(void *)(uintptr_t)second.at, second.size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(fd, &message, flags);
}

// The only place that writes to the world. Returns how much the kernel took; -1: the wire is
// broken.
static ssize_t send_some(struct od_wire *wire)
{
    OD_ASSERT(!wire->is_cut);
    const struct od_going *going = wire->going;
    od_slice shared = going->shared_left;
    od_slice own = od_slice_from(od_bytes_slice(&going->out), going->out_sent);
    int more = going->file_left > 0 ? MSG_MORE : 0; // A file follows in the same segments.
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | more;
    bool are_both = shared.size > 0 && own.size > 0;
    od_slice one = shared.size > 0 ? shared : own;
    ssize_t sent = are_both ? send_both(wire->fd, shared, own, flags)
                            : send(wire->fd, one.at, one.size, flags); // Which costs less.
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    return sent;
}

// False: the wire is broken.
static bool send_bytes(struct od_wire *wire)
{
    struct od_going *going = wire->going;
    ssize_t sent = send_some(wire);
    if (sent < 0)
        return false;
    forget_sent(wire, (size_t)sent);
    od_wire_count(wire);
    if (sent > 0 && bytes_left(going) + (size_t)going->file_left > 0)
        going->taken_ms = od_clock_monotonic_ms();
    // A reader that takes something of what is left has his time anew.
    if (sent > 0 && wire->is_closing)
        od_wire_linger(wire);
    return true;
}

// The kernel copies; a piece, so that others come to their right. False: it has become shorter, or
// the wire is broken.
static bool send_file(struct od_wire *wire)
{
    struct od_going *going = wire->going;
    off_t at = (off_t)going->file_at;
    size_t size = going->file_left < file_piece_bytes ? (size_t)going->file_left : file_piece_bytes;
    ssize_t sent = sendfile(wire->fd, going->file, &at, size);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return true;
    if (sent <= 0)
        return false;
    going->file_at += (uint64_t)sent;
    wire->sent += (uint64_t)sent;
    wire->sent_bytes += (uint32_t)sent;
    if (going->file_left == (uint64_t)sent)
        drop_file(going);
    else
        going->file_left -= (uint64_t)sent;
    if (wire->is_closing)
        od_wire_linger(wire);
    return true;
}

OD_SELDOM static void shut_when_sent(struct od_wire *wire)
{
    if (wire->is_cut || wire->has_shut || od_wire_waiting_bytes(wire) > 0)
        return;
    shutdown(wire->fd, SHUT_WR);
    wire->has_shut = true;
    od_bytes_deinit(&wire->going->out);
    // The peer's end came before ours, so nobody is left to linger for.
    if (wire->has_ended)
        od_wire_cut(wire);
}

// The bytes, and then, if they are all sent, of the file. False: the wire is broken.
static bool send_going(struct od_wire *wire)
{
    const struct od_going *going = wire->going;
    // Shown before it is sent. If the worker ends in between, main finds that the kernel has
    // counted less than the page says, and cuts a connection on which half a frame may be out.
    od_wire_show_sending(wire);
    if (bytes_left(going) > 0 && !send_bytes(wire))
        return false;
    return going->file_left == 0 || bytes_left(going) > 0 || send_file(wire);
}

void od_wire_write(struct od_wire *wire)
{
    if (wire->going != NULL && !send_going(wire)) {
        od_wire_cut(wire);
        return;
    }
    bool awaited_room = wire->awaits_room;
    wire->awaits_room = od_wire_waiting_bytes(wire) > 0;
    if (!wire->awaits_room)
        od_wire_mark(wire, 0, OD_PAGE_SENDING);
    if (!wire->awaits_room && !wire->is_closing && wire->going != NULL)
        give_going(wire);
    if (wire->awaits_room != awaited_room)
        od_wire_fit_wishes(wire);
    if (wire->is_closing)
        shut_when_sent(wire);
}

void od_wire_send_now(struct od_wire *wire)
{
    if (!wire->is_cut && !wire->awaits_room)
        od_wire_write(wire);
}
