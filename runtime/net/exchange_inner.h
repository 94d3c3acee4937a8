// What the parts of an exchange share: exchange.c is its life and its deadlines, exchange_read.c
// reads requests, and exchange_answer.c answers them, exchange_pieces.c in pieces.

#ifndef OD_NET_EXCHANGE_INNER_H
#define OD_NET_EXCHANGE_INNER_H

#include <netinet/in.h>

#include "base/map.h"
#include "codec/handshake.h"
#include "codec/http_answer.h"
#include "codec/http_body.h"
#include "link/loop.h"

// What a connection waits for. After an answer it is NEXT until the next round of the loop: parsing
// at once would let one client with many requests in its buffer keep everybody else waiting. It
// stays NEXT while too much waits to be sent: who does not read gets no more answers made. While an
// answer comes in pieces it is PIECES.
//
//     HEAD ──► BODY ──► ANSWER ──► (PIECES ──►) NEXT ──► HEAD
enum phase {
    PHASE_HEAD,
    PHASE_BODY,
    PHASE_ANSWER,
    PHASE_PIECES,
    PHASE_NEXT,
};

struct od_net;
struct od_wire;
struct od_exchange_intake;

struct od_exchange {
    struct od_net *net;
    struct od_map_node node; // In net->exchanges.
    uint64_t number;
    struct od_wire *wire;
    uint32_t place; // On the page.
    enum phase phase;
    bool has_begun;      // The request has.
    bool has_handshake;  // It asks for a WebSocket.
    bool awaits_room;    // NEXT, until the client has taken what waits for it;
    size_t coming_bytes; // What it is counted with in the net's.
    od_time_ms body_began_ms;
    uint32_t taken_bytes; // so much it had when it was looked at last.
    struct od_http_manner manner;
    struct od_exchange_intake
        *intake;         // Of a body that is read while the request is handled; or NULL.
    bool body_has_moved; // Some of it was taken since somebody asked.
    struct od_http_pieces pieces;
    uint64_t reader;   // PIECES: who asks for them,
    size_t owed_bytes; // what of them was put and not yet told to be taken,
    bool looks_later;  // and whether the deadline is there to look at that.
    char peer[INET6_ADDRSTRLEN];
    struct od_bytes tls;     // As of its requests (link/request.h).
    struct od_bytes in;      // Read and not yet parsed.
    struct od_bytes request; // The message for the event; its body grows at the end of it.
    struct od_bytes url;     // Of a request for a WebSocket.
    struct od_http_head head;
    struct od_http_body body;
    struct od_handshake handshake;
    struct od_timer deadline;
};

// Panics unless [exchange] is as its fields say of each other.
void od_exchange_check(const struct od_exchange *exchange);

void od_exchange_set_deadline(struct od_exchange *exchange, od_time_ms delay_ms);

// Whether the net can hold a request of [size] bytes, which then counts until it is answered.
bool od_exchange_count_coming(struct od_exchange *exchange, size_t size);
void od_exchange_forget_request(struct od_exchange *exchange);

void od_exchange_expect_head(struct od_exchange *exchange);
void od_exchange_await_turn(struct od_exchange *exchange); // NEXT, in the next round of the loop.
bool od_exchange_is_crowded(const struct od_exchange *exchange); // Too much waits to be sent.

// exchange_intake.c. The request of the exchange is a whole message without its body: whether that
// is to come in pieces, as it then says. Bytes that belong to it (or are behind it). And it ends
// here.
bool od_exchange_intake_begin(struct od_exchange *exchange);
void od_exchange_intake_read(struct od_exchange *exchange, od_slice bytes);
void od_exchange_intake_cut(struct od_exchange *exchange);

// exchange_pieces.c: what the client does while an answer comes in pieces.
void od_exchange_pieces_sent(struct od_exchange *exchange);
void od_exchange_pieces_deadline(struct od_exchange *exchange);
void od_exchange_pieces_half_ended(struct od_exchange *exchange);

void od_exchange_count_answer(const struct od_net *net, uint16_t status);

// Whether the connection stays behind the answer that is about to be put.
void od_exchange_decide_end(struct od_exchange *exchange);

// The answer has been put, all of it: what is next is read, or the connection ends.
void od_exchange_answered(struct od_exchange *exchange);

// Bytes were read, and lie where main finds them.
void od_exchange_show_read(const struct od_exchange *exchange, od_slice bytes);

// Reads what is there, in the phases HEAD and BODY; and when nothing more is: waits, or ends it.
void od_exchange_read_on(struct od_exchange *exchange);
void od_exchange_await_more(struct od_exchange *exchange);

// The end of it: with a refusal for the client, without, or when its wire is gone already.
void od_exchange_refuse(struct od_exchange *exchange, struct od_http_fault fault);
void od_exchange_close(struct od_exchange *exchange);
void od_exchange_free(struct od_exchange *exchange);

#endif
