// One WebSocket: messages in, messages out, and the closing handshake (RFC 6455, 7692).
//
// It is born without a connection, when an object accepts a socket while it still handles the
// request; what is sent waits. The connection comes with od_websocket_attach, once the answer 101
// has passed the output gate. Frames then gather in the wire and leave in od_net_flush.
//
// How it ends:
//
//   the peer closes
//       event closed(code, reason, true); readyState 2, sending is still allowed. The object's
//       handler runs. od_websocket_close or od_websocket_finish_close answers (finish: the same
//       code), the connection ends, readyState 3.
//   we close
//       od_websocket_close; readyState 2; messages still arrive until the peer's Close:
//       closed(code, reason, true), readyState 3. None within limits.close_ms:
//       closed(1006, ..., false).
//   the peer vanishes
//       closed(1006, ..., false); readyState 3. Nothing if a Close had arrived before.
//   a bad peer, or a message we do not take
//       Close 1002, 1007, 1008 (it is late), 1009, or 1013 (the worker holds 256 MiB of messages
//       that are not whole); failed(why), readyState 3.
//   a slow reader
//       a frame put while more than limits.socket_send_queue_bytes_max wait, beside the largest
//       message among them, is dropped together with all later ones, and so is one of more than
//       64 KiB with what waits for this reader, when 256 MiB wait for all of the worker. Close 1013
//       goes behind what waits, and the reader has limits.linger_ms to take it.
//       closed(1013, ..., false) at once; readyState 3.
//   abort
//       nothing is said to anybody; readyState 3.
//
// A Close that was sent is the last frame: later sends are dropped (the object layer raises its
// error). At readyState 3 the connection no longer belongs to the WebSocket, which may be freed at
// any time.
//
// Pings are answered here and not told. Compression is agreed without context takeover, so an idle
// connection keeps no window; messages shorter than a threshold are sent plain.
//
// An event stream is one, too, in which only we speak (codec/event_stream.h): its messages are
// whole frames of events, made by who sends them; what is read is nothing, a ping is a comment, and
// a close is the end of the connection, told as closed(1000, ..., true) at once.
//
// Process: worker. Owner: who called od_websocket_new.

#ifndef OD_NET_WEBSOCKET_H
#define OD_NET_WEBSOCKET_H

#include "base/bytes.h"
#include "codec/frame_shared.h"
#include "net/net.h"

struct od_websocket;
struct od_wire;

enum od_ready_state {
    OD_READY_CONNECTING, // Never seen here: there is a connection, or will be at once.
    OD_READY_OPEN,
    OD_READY_CLOSING,
    OD_READY_CLOSED,
};

#define OD_CLOSE_NO_CODE 1005u   // A Close frame without a code; od_websocket_close sends it empty.
#define OD_CLOSE_TRY_AGAIN 1013u // Told as unclean: the reader was too slow.

// Events tell of it by [holder], which is the caller's.
struct od_websocket *od_websocket_new(struct od_net *net, void *holder, bool is_events);
void od_websocket_free(struct od_websocket *websocket); // Cuts a connection that is still there.

// From here on its messages go on elsewhere as they are: they are told as [relayed], and all of it
// to [holder].
void od_websocket_relay(struct od_websocket *websocket, void *holder);

// Two of ours that speak with each other say with pongs, which nobody asked for, what no message
// is: they are told as [pong], in their order with messages. [payload] is at most 125 bytes.
void od_websocket_tell_pongs(struct od_websocket *websocket);
void od_websocket_send_pong(struct od_websocket *websocket, od_slice payload);

// Gives it its connection: [record] and [fd] come from od_exchange_upgrade, here or in another
// worker. Takes [fd] in any case. The 101 goes out before what was sent meanwhile; messages that
// had already been read are told before this returns. False when the record cannot be read or the
// descriptor not be watched; the websocket is then as after od_websocket_abort.
OD_MUST_CHECK bool od_websocket_attach(struct od_websocket *websocket, od_slice record, int fd,
                                       struct od_error *err);

// The same with a connection that was an exchange of this net until now (od_exchange_become). Takes
// [wire] in any case. Main has a duplicate of it under the place that take_lease returns, once, and
// does not know yet that it is left; OD_PAGE_NO_PLACE: it has none.
OD_MUST_CHECK bool od_websocket_take(struct od_websocket *websocket, od_slice record,
                                     struct od_wire *wire, struct od_error *err);
uint32_t od_websocket_take_lease(struct od_websocket *websocket);

// In place of attach: the connection ended before it could be given back. Protocol and URL are
// known.
void od_websocket_lose(struct od_websocket *websocket, od_slice record);

// There will be no connection (the client left before the 101): as when a peer vanishes.
void od_websocket_vanish(struct od_websocket *websocket);

// Puts a message; dropped unless od_websocket_can_send.
void od_websocket_send(struct od_websocket *websocket, od_slice payload, bool is_binary);
void od_websocket_send_frame(struct od_websocket *websocket, struct od_frame_shared *frame);
bool od_websocket_is_client(const struct od_websocket *websocket); // Once it is attached.
bool od_websocket_can_send(const struct od_websocket *websocket);  // We have not closed.

// Sends Close once; later calls do nothing. [code] was checked by the caller, [reason] is at most
// 123 bytes.
void od_websocket_close(struct od_websocket *websocket, uint16_t code, od_slice reason);
void od_websocket_finish_close(struct od_websocket *websocket); // After [closed]; see above.
void od_websocket_abort(struct od_websocket *websocket);
void od_websocket_let_go(struct od_websocket *websocket); // The same, behind what waits.

// Stops reading while its object cannot keep up; TCP then slows the peer down.
void od_websocket_pause(struct od_websocket *websocket);
void od_websocket_resume(struct od_websocket *websocket);

enum od_ready_state od_websocket_ready_state(const struct od_websocket *websocket);
size_t od_websocket_buffered_bytes(
    const struct od_websocket *websocket); // Put, not yet with the kernel.
od_slice od_websocket_protocol(const struct od_websocket *websocket); // Subprotocol; empty: none.
od_slice od_websocket_url(const struct od_websocket *websocket);      // Empty before attach.

// A duplicate of the connection, for the keeper; -1 when there is none. The caller owns it.
int od_websocket_duplicate_fd(const struct od_websocket *websocket);

// What another process needs beside the descriptor to go on with a connection at rest: a record
// for od_websocket_attach. Nothing else is known of it then, since compression keeps no window.
void od_websocket_put_record(const struct od_websocket *websocket, struct od_bytes *bytes);

// The same of one that may be in the middle of something, while the net is held: what was read of a
// message, or half a frame of it, and what has not left. [told] are messages that were told and
// that nobody has dealt with, in the form of the second. Nothing may be put or read afterwards.
void od_websocket_put_state(const struct od_websocket *websocket, od_slice told,
                            struct od_bytes *bytes);
void od_websocket_put_told(const struct od_websocket *websocket, od_slice payload, bool is_binary,
                           struct od_bytes *told);

bool od_websocket_record_is_amid(
    od_slice record); // It is the second, and tells something under way.

// From now on [place] on the net's page shows how it is; or no more.
void od_websocket_show_at(struct od_websocket *websocket, uint32_t place);
void od_websocket_hide(struct od_websocket *websocket);

// Something of it is under way above the net or has just ended: the flags are to be looked at.
void od_websocket_touch(struct od_websocket *websocket);

#endif
