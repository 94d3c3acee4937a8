// A socket: one WebSocket or event stream an object has accepted, or a WebSocket it has to a place
// outside (wish.h). It belongs to the object, not to an instance.
//
// It is the connection, its tags, its attachment and the few facts that survive sleep, reload and
// crash. Its life: accepted (by acceptWebSocket, before the 101 has left; sends are kept), attached
// (the connection is there), closing (a Close was sent or received), gone. While webSocketClose
// runs the socket is still listed.
//
// Scripts hold its number, never a pointer; a number of a socket that is gone finds nothing.
//
// Owner: its object. It outlives all events that name it.

#ifndef OD_OBJECT_SOCKET_H
#define OD_OBJECT_SOCKET_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "base/timers.h"
#include "codec/event_stream.h"
#include "net/websocket.h"
#include "object/parts/event.h"

struct od_object;
struct od_objects;
struct od_task;
struct od_remote;
struct od_wire;
struct od_wish;

struct od_socket_tag {   // One tag of one socket.
    struct od_list link; // In the tag's sockets, oldest first.
    struct od_tag *tag;
    struct od_socket *socket;
};

// What an accepted one has until its connection is there.
struct od_socket_birth {
    struct od_list accepted; // In the task that accepted it.
    struct od_timer late;
    struct od_socket *socket;
};

struct od_socket {
    struct od_map_node by_id;
    uint64_t id;
    struct od_object *object;
    struct od_list link;           // In the object's sockets, oldest first.
    struct od_socket_birth *birth; // NULL: it is attached, or was not accepted.
    struct od_websocket *websocket;
    struct od_wish *wish;     // NULL: it was accepted.
    struct od_remote *remote; // Its client is at another node (remote.h); NULL: it is not.
    struct od_socket_tag *tags;
    char *attachment; // Serialized, NULL when never set.
    uint32_t attachment_size;
    uint16_t tag_count;
    uint16_t waiting_count; // Its events that are not handled yet.
    size_t waiting_bytes;   // What they hold.
    uint32_t gated_count;   // Effects of it in the outbox.
    uint32_t place;         // On the page, from 1 (object/keep.h); 0: it is not kept.
    bool is_events;         // An event stream.
    bool is_attached;
    bool has_closed;        // The object has called close.
    bool is_busy;           // A task handles an event of it.
    bool peer_closed;       // Its last event is queued or handled.
    bool is_gone;           // No connection any more.
    bool is_paused;         // Not read: too much waits, or its object is not here for now.
    bool is_listed;         // Among the object's sockets; false once its last event is handled.
    struct od_list waiting; // Events behind the one that is handled.
    od_time_ms auto_response_ms; // When the last auto response went, wall clock; 0 for never.
};

// Panics unless [socket] is as its fields say of each other.
void od_socket_check(const struct od_socket *socket);

// A new socket that no task has accepted, without a connection; tags as below.
struct od_socket *od_socket_make(struct od_object *object, const od_slice *tags, size_t tag_count);

// Accepts a new socket for [object], an event stream if [is_events]; [task] is the one that called
// acceptWebSocket. Tags are checked and made unique already. False when the object has
// OD_OBJECT_SOCKETS_MAX.
OD_MUST_CHECK bool od_socket_accept(struct od_object *object, struct od_task *task, bool is_events,
                                    const od_slice *tags, size_t tag_count,
                                    struct od_socket **socket, struct od_error *err);

// The 101 has passed the gate: [fd] and [record] (net/exchange.h) are the connection. Takes [fd];
// -1: the client left before. A socket that is gone already: the connection is cut.
void od_socket_attach(struct od_objects *objects, uint64_t id, od_slice record, int fd);
void od_socket_born(struct od_socket *socket); // It waits for no connection any more.

// The same with the connection of an exchange of this worker; takes [wire] (net/websocket.h).
void od_socket_take(struct od_objects *objects, uint64_t id, od_slice record, struct od_wire *wire);

// A socket of an earlier life of this worker, as it was; [id] is its number. Its connection and
// attachment follow (object/restore.c).
struct od_socket *od_socket_remake(struct od_object *object, uint64_t id, bool is_events,
                                   const od_slice *tags, size_t tag_count);

// Whether nothing of it is under way: no event, no effect, no closing. Then another process could
// go on with it.
bool od_socket_is_at_rest(const struct od_socket *socket);

// Whether another process could go on with it from its state (od_keep_state), also if it is in the
// middle of something: no handler runs for it, no effect waits, and its peer has not closed.
bool od_socket_can_move(const struct od_socket *socket);

// Its connection goes on without it (nodes/edge.h): the socket, which is at rest, is gone without a
// word.
struct od_websocket *od_socket_give_websocket(struct od_socket *socket);

// Nothing will come of it: the handler that accepted it failed or answered otherwise. No event
// tells.
void od_socket_discard(struct od_socket *socket);

// News of the connection, from the net: queued as events, a message perhaps handled at once, or
// answered here (auto response). The end of one that is in no list any more is no news.
// [memory] as in net/events.h.
void od_socket_message(struct od_socket *socket, od_slice payload, struct od_bytes *memory,
                       bool is_binary);
void od_socket_closed(struct od_socket *socket, uint16_t code, od_slice reason, bool was_clean);
void od_socket_failed(struct od_socket *socket, od_slice why);

// News of a dial (wish.h): its connection is about to be there; or there is none so far.
void od_socket_opened(struct od_socket *socket, bool is_again);
void od_socket_unreached(struct od_socket *socket, od_slice why);

// Nothing more is read of it; or again, if its object can take it. Also of one that is paused, or
// is not.
void od_socket_pause(struct od_socket *socket);
void od_socket_resume(struct od_socket *socket);

// A task has handled an event of the socket. After the last one it answers the peer's Close, unless
// the handler did, and leaves the list of its object.
void od_socket_event_done(struct od_socket *socket, enum od_event_kind kind, size_t size);

// An event of [size] bytes will not be handled; the caller frees it.
void od_socket_forget_event(struct od_socket *socket, size_t size);

void od_socket_cut(struct od_socket *socket);     // state:abort: no Close frame, no event.
void od_socket_release(struct od_socket *socket); // Frees it once nothing refers to it any more.

// The socket of that number in this worker, or NULL.
struct od_socket *od_socket_find(struct od_objects *objects, uint64_t id);

// The sockets of [object] that have [tag] ([has_tag]; else all): NULL, when there are none, or the
// first and then each next. With a tag oldest first, without newest first, as on Cloudflare. The
// cost is that of what is returned. Of both kinds: the caller looks at [is_events].
struct od_socket *od_socket_first(struct od_object *object, bool has_tag, od_slice tag);
struct od_socket *od_socket_next(struct od_socket *socket, bool has_tag, od_slice tag);
size_t od_socket_count(struct od_object *object, bool has_tag, od_slice tag);

od_slice od_socket_tag_at(const struct od_socket *socket, size_t index);

// Sends a message, through the outbox. False, with nothing done, when the object has closed the
// socket already (a mistake of the script); a peer that is gone is no mistake, the message
// vanishes.
OD_MUST_CHECK bool od_socket_send(struct od_socket *socket, od_slice payload, bool is_binary);

// The same, if the socket is open and the message need not wait for anything; else nothing is done.
OD_MUST_CHECK bool od_socket_send_at_once(struct od_socket *socket, od_slice payload,
                                          bool is_binary);

// Sends an event on an event stream; else as od_socket_send.
OD_MUST_CHECK bool od_socket_send_event(struct od_socket *socket,
                                        const struct od_event_frame *event);

// Starts the closing handshake, through the outbox; code 0 sends an empty Close, any other must be
// one that can be sent. Again: ignored.
bool od_socket_is_close_code(uint16_t code);
void od_socket_close(struct od_socket *socket, uint16_t code, od_slice reason);

void od_socket_set_tags(struct od_socket *socket, const od_slice *tags, size_t count); // Copied.
void od_socket_set_attachment(struct od_socket *socket, od_slice bytes);               // Copied.
od_slice od_socket_attachment(const struct od_socket *socket); // NULL: never set.

// OPEN from acceptWebSocket on, or, of one to outside, when it is connected; CLOSING after a Close
// was sent or received; CLOSED without connection.
enum od_ready_state od_socket_ready_state(const struct od_socket *socket);
size_t od_socket_buffered_bytes(const struct od_socket *socket);
od_slice od_socket_protocol(const struct od_socket *socket); // Empty before it is attached.
od_slice od_socket_url(const struct od_socket *socket);

#endif
