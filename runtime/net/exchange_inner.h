// What an exchange consists of, for exchange.c, which reads requests, and exchange_answer.c, which
// answers them. No other file knows more than exchange.h.
//
// Process: worker. Owner: as in exchange.h. Whoever closes or frees an exchange does not touch it
// again.

#ifndef OD_NET_EXCHANGE_INNER_H
#define OD_NET_EXCHANGE_INNER_H

#include "base/map.h"
#include "base/timers.h"
#include "codec/handshake.h"
#include "codec/http_body.h"

struct od_net;
struct od_wire;

// What a connection waits for. After an answer it is NEXT until the next round of the loop: parsing
// at once would let one client with many requests in its buffer keep everybody else waiting. It
// stays NEXT while too much waits to be sent: who does not read gets no more answers made.
//
//     HEAD ──► BODY ──► ANSWER ──► NEXT ──► HEAD
enum od_exchange_phase {
    OD_PHASE_HEAD,
    OD_PHASE_BODY,
    OD_PHASE_ANSWER,
    OD_PHASE_NEXT,
};

struct od_exchange {
    struct od_net *net;
    struct od_map_node node; // In net->exchanges.
    uint64_t number;
    struct od_wire *wire;
    enum od_exchange_phase phase;
    bool has_handshake;  // The request asks for a WebSocket.
    bool awaits_room;    // NEXT, until the client has taken what waits for it;
    size_t coming_bytes; // What it is counted with in the net's.
    od_time_ms body_began_ms;
    uint32_t taken_bytes; // so much it had when it was looked at last.
    struct od_http_manner manner;
    struct od_bytes peer;
    struct od_bytes in;      // Read and not yet parsed.
    struct od_bytes request; // The message for the event; its body grows at the end of it.
    struct od_bytes url;     // Of a request for a WebSocket.
    struct od_http_head head;
    struct od_http_body body;
    struct od_handshake handshake;
    struct od_timer deadline;
};

// Waits for the next request from the beginning.
void od_exchange_expect_head(struct od_exchange *exchange);

// Goes on with what is read already in the next round of the loop.
void od_exchange_await_turn(struct od_exchange *exchange);

void od_exchange_forget_request(struct od_exchange *exchange); // It is answered, or never will be.

// Frees the exchange alone: its wire has ended, was closed or was given away.
void od_exchange_free(struct od_exchange *exchange);

// Sends what waits, closes the wire and frees the exchange.
void od_exchange_close(struct od_exchange *exchange);

#endif
