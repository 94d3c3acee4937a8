// A link: one end of a Unix stream socket on which two processes of open-do exchange messages; or
// of a TCP connection, when they are of two nodes (node/line.h).
//
// Sending never blocks and never calls back: a message is put into the link's buffer, and the
// buffer leaves with od_link_flush, once a turn, or when the other side reads again. Receiving
// calls [events->message] for every whole message, in the order in which they were sent. A
// descriptor that rides along arrives with its message; who receives it owns it.
//
// Process: main and workers; Thread: the loop's. Owner: embedded; od_link_close, then the memory
// may go after [events->closed] has been called (libuv closes handles a turn later).

#ifndef OD_LINK_LINK_H
#define OD_LINK_LINK_H

#include <uv.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/kinds.h"
#include "link/riders.h"

#define OD_LINK_MESSAGE_BYTES_MAX (64u << 20) // A longer length is a broken peer: the link closes.

struct od_link;

struct od_link_events {
    // [body] is borrowed for the call. [fd] is the descriptor that came with the message; it
    // belongs to the callee. It is -1 when none was sent, and also when this process has no
    // descriptor free.
    void (*message)(struct od_link *link, enum od_kind kind, od_slice body, int fd);
    // The other side is gone or spoke nonsense. The link's descriptor is already closed; what is
    // sent from now on is dropped. Called once, never from within a send; not after od_link_close.
    void (*gone)(struct od_link *link);
    // After od_link_close: the memory of the link is free again.
    void (*closed)(struct od_link *link);
};

// What lies between the messages and the bytes that cross, as tls/veil.h does.
struct od_link_cover {
    // Puts what [came] says behind [in]. False: it makes no sense.
    bool (*lift)(void *context, od_slice came, struct od_bytes *in);
    // Takes [out], when it may leave, and puts the bytes that are to cross behind [laid].
    void (*lay)(void *context, struct od_bytes *out, struct od_bytes *laid);
};

struct od_link {
    void *owner; // For the callbacks.
    const struct od_link_events *events;
    void (*leaves)(
        struct od_link *link); // NULL, or told before anything leaves; the owner sets it.
    int fd;
    bool is_gone;    // No descriptor any more: the other side left, or we closed.
    bool is_closing; // od_link_close was called.
    bool is_paused;  // Nothing is read.
    bool is_far;     // The other side is another machine: no descriptor can come from there.
    uint32_t message_bytes_max; // A longer one is a broken peer.
    int polled;                 // Which events [poll] waits for.
    uv_poll_t poll;
    const struct od_link_cover *cover; // NULL: there is none.
    void *cover_context;
    struct od_bytes in;
    struct od_bytes out;
    struct od_bytes came, laid; // Beneath the cover.
    size_t sent;                // In [out], or [laid]: the first byte that has not left.
    struct od_riders riders;    // Descriptors.
};

// Two connected ends, non-blocking and close-on-exec.
OD_MUST_CHECK bool od_link_pair(int fds[2], struct od_error *err);

// Takes [fd] in any case, makes it non-blocking and close-on-exec, and starts to read. False when
// the system cannot watch it (it has no memory, or this user watches too many): nothing is to be
// closed then.
OD_MUST_CHECK bool od_link_init(struct od_link *link, uv_loop_t *loop, int fd,
                                const struct od_link_events *events, void *owner,
                                struct od_error *err);

// Drops what waits to be sent; flush first what must arrive. Allowed inside every callback.
void od_link_close(struct od_link *link);

// Its other side is another machine, and sends no descriptors and no longer messages than that.
void od_link_set_far(struct od_link *link, uint32_t message_bytes_max);

// Of one that is far, before anything is sent. The context is the owner's, and stays until
// [closed].
void od_link_set_cover(struct od_link *link, const struct od_link_cover *cover, void *context);

// Reads nothing from here on, or again: what arrives waits with the kernel, then with the sender. A
// message that was read is told still. The end of the other side is not seen meanwhile.
void od_link_pause(struct od_link *link, bool is_paused);

// Puts a message into the buffer. Takes [fd] (it is closed once sent); -1 for none.
void od_link_send(struct od_link *link, enum od_kind kind, od_slice body, int fd);

// The same for a body that is gathered in place: begin, put into [link->out], end. Nothing else may
// be sent on the link in between.
size_t od_link_begin(struct od_link *link, enum od_kind kind, int fd);
void od_link_end(struct od_link *link, size_t mark);

// The same with a descriptor that stays the caller's, who keeps it open while the link lends it:
// until it has left, or the link is gone.
size_t od_link_begin_lent(struct od_link *link, enum od_kind kind, int fd);
bool od_link_lends(const struct od_link *link, int fd);

// Sends all, and waits until it is with the other side's kernel, or that is gone: for the last
// words of a process.
void od_link_flush_all(struct od_link *link);

// Sends what the socket takes; the rest follows by itself when the other side reads.
void od_link_flush(struct od_link *link);

// Panics unless the link is as this file leaves it, whatever the other side does: all its public
// functions hold to it.
void od_link_check(const struct od_link *link);

// The other side has ended: all that it has said last is read now, and told.
void od_link_read_rest(struct od_link *link);

// How much waits to be sent; what reads from the world stops while this is large.
size_t od_link_waiting_bytes(const struct od_link *link);

#endif
