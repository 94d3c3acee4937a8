// A wish: that an object has a WebSocket to a place outside, until it closes it.
//
// It is stored like a schedule, in a row of the object (store/alarm.h) that is never due, so it
// comes and goes with the writes beside it, and outlives everything these outlive. As long as it
// stands there is one socket for it: one that connects, or is connected, and when its connection
// has ended and webSocketClose is over, the next takes its place in the same moment, with its tags
// and attachment. To the object that is a socket like any other; main keeps it, a worker that ends
// or leaves hands it on, and what sleeps goes on sleeping until a message comes.
//
//   connecting   waits for the gate, then is dialled (net/dial.h); after a failure again, each time
//                after twice the pause, up to a bound, with chance in it. Of the first failure the
//                object hears webSocketError, of the others the log.
//   open         webSocketOpen; what follows is as with an accepted one.
//   over         a connection that has lasted ends the row of pauses; one that ends at once does
//                not.
//
// Main tells a worker, before it delivers anything, which of its objects have wishes
// (main/workers/wishes.h); so also those that no process knows any more are dialled.
//
// Row: u8 kind, str url, str protocols, str headers (link/headers.h), u32 min ms, u32 max ms, u16
// count, str tags*, u8 has attachment, str attachment. Its name: a zero byte, u64 number.

#ifndef OD_OBJECT_WISH_H
#define OD_OBJECT_WISH_H

#include "object/limits.h"
#include "object/socket.h"

struct od_wish { // What a socket that we dial has beside others.
    struct od_socket *socket;
    uint64_t number;       // Of its row.
    struct od_timer timer; // Until it is dialled.
    od_time_ms pause_ms;   // Before the latest attempt; 0: there was none.
    od_time_ms opened_ms;  // Of this connection, monotonic; 0: it is not open yet.
    uint32_t failures;     // Since it was open last.
    bool is_again;         // It was open before, or may have been.
    bool is_dialling;      // The net does.
    bool is_opening;       // It is connected, and webSocketOpen is not over.
};

struct od_wish_row {
    od_slice url;
    od_slice protocols; // A comma list.
    od_slice headers;   // Encoded.
    od_time_ms min_ms, max_ms;
    od_slice tags[OD_TAGS_MAX];
    size_t tag_count;
    bool has_attachment;
    od_slice attachment;
};

// state:connect. Its pauses and tags were checked, and that the headers are such. It is dialled
// once the outbox lets it.
OD_MUST_CHECK bool od_wish_make(struct od_object *object, const struct od_wish_row *row,
                                struct od_socket **socket, struct od_error *err);

// It has passed the gate. If its row has not, the socket goes.
void od_wish_begin(struct od_socket *socket);

// News of the net, also of what od.fetch has dialled (outgoing.h). Takes [fd].
void od_wish_dialled(struct od_objects *objects, uint64_t number, int fd, od_slice bytes);

// ws:close: the wish is over. A socket that only connects goes with it, and no event tells; any
// other is to be closed as usual.
OD_MUST_CHECK bool od_wish_end(struct od_socket *socket, struct od_error *err);

// Tags or attachment of [socket] were set: the next connection will have them.
OD_MUST_CHECK bool od_wish_store(const struct od_socket *socket, struct od_error *err);

// The last event of [socket] is handled. If the wish still stands, another socket is there.
void od_wish_renew(const struct od_socket *socket);

// state:abort is about to cut [socket], the writes are discarded. If its wish stands, another
// socket is there, as it is stored; the row of pauses goes on.
void od_wish_renew_stored(const struct od_socket *socket);

// After a deleteAll: those of [object] that only connect go with their rows, and no event tells.
void od_wish_drop_ended(struct od_object *object);

// Makes the sockets of [object] be those that its rows say: after a reset, and for RECALL.
void od_wish_recall(struct od_object *object);
void od_wish_receive(struct od_objects *objects, od_slice body); // RECALL

// A socket was given back that has the wish [number].
void od_wish_adopt(struct od_socket *socket, uint64_t number);

// Where it leads; empty: the wish is over.
od_slice od_wish_url(const struct od_socket *socket);

void od_wish_free(struct od_socket *socket); // Its socket goes.

#endif
