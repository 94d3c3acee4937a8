// News from the net: what the bytes of the world mean, told upward.
//
// The transport knows nothing of objects and must not wait for them, so all it has to say goes
// through this struct of functions, which the worker fills in. They are called from inside the
// callbacks of libwebsockets and of timers, so all they may do is queue: they must not run Lua and
// must not flush; but a message that od_net_read tells may be dealt with at once. Of the transport
// they may call what only queues as well: od_exchange_answer and
// od_exchange_abort, and of a WebSocket send, close, pause, resume and abort; no upgrade, no
// attach, no free.
//
// Exchanges are named by number, which is never used again; WebSockets by what their creator gave
// them as their holder, or, of one that relays, who has it do so.
//
// Process: worker. Slices are borrowed for the call.

#ifndef OD_NET_EVENTS_H
#define OD_NET_EVENTS_H

#include "base/bytes.h"

struct od_net_events {
    // A whole request (link/request.h), which may be taken. It must be answered once:
    // od_exchange_answer, or od_exchange_upgrade or _become. Until then no further request of that
    // connection comes.
    void (*request)(void *owner, uint64_t exchange, struct od_bytes *request);

    // A question, asked when the head of a request with a body is there; [request] has no body yet.
    // Not 0: the request is told now, and its body comes in pieces, as the stream of that number in
    // that worker.
    uint64_t (*wants_pieces)(void *owner, uint64_t exchange, od_slice request, uint32_t *worker);

    // Of the body of such a request, or of the answer to a fetch whose body comes so: one more
    // piece, and the end, exactly once.
    void (*stream_piece)(void *owner, uint64_t stream, od_slice piece);
    void (*stream_ended)(void *owner, uint64_t stream, bool is_whole);

    // The client has left before the answer, and the exchange is no longer found; or he has closed
    // his half of the connection, which mostly means the same.
    void (*request_left)(void *owner, uint64_t exchange);

    // Of an answer in pieces, whose reader [reader] is (od_exchange_answer_begin): the client has
    // taken so many bytes more of them; or the connection is over before the last one, or nobody
    // wants them, and the exchange knows that reader no more.
    void (*pieces_taken)(void *owner, uint64_t reader, size_t size);
    void (*pieces_unwanted)(void *owner, uint64_t reader);

    // A whole message. Text is valid UTF-8. [memory]: what holds the payload and nothing else, for
    // who wants to keep a large one without a copy: it may be taken, and is then left empty. NULL:
    // the payload is borrowed.
    void (*message)(void *owner, void *holder, od_slice payload, struct od_bytes *memory,
                    bool is_binary);

    // A whole message of one that relays; and the payload of a pong of one that tells them.
    void (*relayed)(void *owner, void *holder, od_slice payload, bool is_binary);
    void (*pong)(void *owner, void *holder, bool is_relay, od_slice payload);

    // No message will follow; exactly once for each WebSocket, unless [failed] comes instead or the
    // WebSocket is freed first. A clean close still waits for od_websocket_finish_close.
    void (*closed)(void *owner, void *holder, bool is_relay, uint16_t code, od_slice reason,
                   bool was_clean);

    // The peer broke the protocol or passed a limit; it has been told with a Close frame and the
    // connection is over. [closed] does not follow.
    void (*failed)(void *owner, void *holder, bool is_relay, od_slice why);

    // A question, asked in od_net_settle: is nothing of it under way above the net, no event, no
    // effect?
    bool (*is_at_rest)(void *owner, const void *holder);

    // An HTTP connection with that place on the page is not ours any more.
    void (*left)(void *owner, uint32_t place);

    // A fetch (fetch.h) is over: [ok] and a response (link/response.h), or a sentence that says why
    // there is none.
    void (*fetched)(void *owner, uint64_t fetch, bool ok, od_slice bytes);

    // A WebSocket that was dialled (dial.h) is there: [bytes] are the record for
    // od_websocket_attach, which may be called from here, and [fd] is taken. Or [fd] is -1, and
    // they are a sentence that says why not.
    void (*dialled)(void *owner, uint64_t number, int fd, od_slice bytes);

    // This process has no descriptor any more of the connection of a client that has [number]
    // (connection.h), and no other was given it. Only with [tells_over].
    void (*connection_over)(void *owner, uint64_t number);
};

#endif
