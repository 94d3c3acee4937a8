// A wire: one byte connection to the world, and the only struct behind which a TCP socket stands.
//
// What is put on a wire gathers in one buffer and leaves in od_net_flush with one system call; what
// the kernel does not take waits until it does. While nothing is under way a wire has no buffer at
// all, nor what belongs to it. wire_send.c has one function that writes to the world.
//
// The wire belongs to a protocol, an exchange or a WebSocket, and tells it of bytes and of the end.
// Each way to let go of it (close, abort, release) is final, but for od_wire_part: the wire's owner
// must forget the pointer and is not called any more.
//
// The connection is a mere descriptor in the net's lookout, and the reading is ours too: whoever
// looks at the page from outside must know of bytes before they leave the kernel.
//
// The main process keeps duplicates of WebSocket descriptors, so closing ours ends nothing: a wire
// always calls shutdown() before it closes, except one that is released.
//
// Process: worker. Owner: the protocol, until it lets go or is told [ended]; then the net.

#ifndef OD_NET_WIRE_H
#define OD_NET_WIRE_H

#include "base/bytes.h"
#include "codec/frame_shared.h"
#include "net/net.h"

struct od_going;

struct od_wire_protocol {
    void (*stirs)(void *owner); // Bytes are about to be read,
    void (*sent)(void *owner);  // or the last that waited were sent. NULL: it need not know.
    void (*bytes)(void *owner, char *at, size_t size); // Borrowed for the call; may be changed.
    void (*half_ended)(void *owner); // The peer sends nothing more, but he may still read.
    void (*ended)(void *owner);      // The peer is gone. The wire is no longer yours.
};

struct od_wire {
    struct od_net *net;
    const struct od_wire_protocol *protocol;
    void *owner; // NULL once it let go.
    struct od_list all;
    struct od_list dirty;
    struct od_going *going; // What waits to be sent (wire_inner.h); NULL: nothing.
    uint64_t sent;          // As the kernel counts, if [knows_sent].
    // On the net's page, if [is_shown]; of an HTTP connection it is the wire's until it ends.
    uint32_t place;
    int fd;
    uint32_t sent_bytes; // Taken by the kernel since the beginning, modulo 2^32.
    uint8_t wishes;      // What it is watched for (net/lookout.h).
    bool is_paused : 1;
    bool is_awaited : 1;  // What has begun waits for its bytes: it is read though the net is held.
    bool has_ended : 1;   // The peer's end of the stream has come.
    bool is_closing : 1;  // Ends when all is sent.
    bool is_cut : 1;      // Ends at the next flush.
    bool is_released : 1; // The descriptor went elsewhere: no shutdown.
    bool has_shut : 1;    // Our end of the stream is sent.
    bool awaits_room : 1; // The kernel took less than we had.
    bool is_late : 1;     // The list it is in is that of the late ones.
    bool knows_sent : 1;
    bool is_shown : 1;
    bool owes_lease : 1; // Main was not told yet that [place], of an HTTP connection, is left.
};

// Takes [fd] in any case; false when it cannot be watched.
OD_MUST_CHECK bool od_wire_adopt(struct od_net *net, int fd,
                                 const struct od_wire_protocol *protocol, void *owner,
                                 struct od_wire **wire, struct od_error *err);

// Panics unless [wire] is as its fields say of each other.
void od_wire_check(const struct od_wire *wire);

// Where to put bytes: append to the buffer this returns, before the next call on the wire.
struct od_bytes *od_wire_out(struct od_wire *wire);
void od_wire_put_shared(struct od_wire *wire, struct od_frame_shared *frame, od_slice bytes);
// [size] bytes of the file [fd], taken, from [first] on, behind what waits. Nothing may be put
// before they are sent, and the wire not released. If the file has fewer by then, the wire is cut.
void od_wire_put_file(struct od_wire *wire, int fd, uint64_t first, uint64_t size);
size_t od_wire_waiting_bytes(const struct od_wire *wire); // Put and not yet taken by the kernel.
bool od_wire_sends_file(const struct od_wire *wire);

// Counts what was put in the net's; by itself only in od_net_flush.
void od_wire_count(struct od_wire *wire);

// Whether [size] bytes more may be put. When all wires hold too much, what the kernel takes is
// sent, and those are cut whose peers have taken nothing for limits.linger_ms.
OD_MUST_CHECK bool od_wire_can_hold(struct od_wire *wire, size_t size);

// How many bytes the peer's system has taken so far, modulo 2^32; and whether it has taken more
// than [taken_bytes] and has not got all yet, so that its silence may be that of a slow line.
uint32_t od_wire_taken_bytes(const struct od_wire *wire);
bool od_wire_has_sent_all(const struct od_wire *wire); // And his system has got it.
bool od_wire_is_taking(const struct od_wire *wire, uint32_t taken_bytes);

void od_wire_send_now(struct od_wire *wire); // What the kernel takes, before the end of the turn.
void od_wire_flush(struct od_wire *wire);    // The same, and ends what is cut: for od_net_flush.

// Reads and sends once, what the lookout has found: for od_net_read.
void od_wire_ready(void *wire, uint8_t what);
void od_wire_pause(struct od_wire *wire); // Stops reading; bytes of the current read still come.
void od_wire_resume(struct od_wire *wire);
void od_wire_await(struct od_wire *wire, bool is_awaited);

// From now on OD_PAGE_SENDING at [place] of the net's page tells whether something that was put is
// on its way; or no more.
void od_wire_show_at(struct od_wire *wire, uint32_t place);
void od_wire_hide(struct od_wire *wire);
void od_wire_show(const struct od_wire *wire); // Of what waits now; by itself only when it is sent.
void od_wire_show_sending(const struct od_wire *wire); // The same, and some of it may now leave.
void od_wire_leave_place(struct od_wire *wire);        // Its owner lets go.
void od_wire_end_lease(struct od_wire *wire); // The connection is not this process's any more.
void od_wire_mark(const struct od_wire *wire, uint8_t set, uint8_t clear); // Other flags there.

// Its owner lets go, and at once another takes it, or aborts it: the connection is as it was. What
// the page said of it holds no more.
void od_wire_part(struct od_wire *wire);
void od_wire_take(struct od_wire *wire, const struct od_wire_protocol *protocol, void *owner);

// The place it had as an HTTP connection, if main was not told yet that it is left, which the
// caller does; OD_PAGE_NO_PLACE: none.
uint32_t od_wire_take_lease(struct od_wire *wire);

// Sends what waits, then the end of the stream, and reads into the void until the peer has ended or
// limits.linger_ms are over: else the kernel would answer late bytes with a reset that destroys
// what the client has not read yet.
void od_wire_close(struct od_wire *wire);
void od_wire_abort(struct od_wire *wire); // Drops what waits and ends, at the next flush.

// Only the peer's end is missing, and his system has got everything.
bool od_wire_is_done(const struct od_wire *wire);

// The same, and the peer is told that what he has got is not all: a reset, at once, for everybody
// who has the connection.
void od_wire_reset(struct od_wire *wire);

void od_wire_cut(struct od_wire *wire); // As abort, but the owner is told [ended].

// Appends what waits, and stays with it.
void od_wire_put_unsent(const struct od_wire *wire, struct od_bytes *unsent);

// Gives the connection away undisturbed: returns its descriptor, and puts what was not sent into
// [unsent].
int od_wire_release(struct od_wire *wire, struct od_bytes *unsent);

#endif
