// One HTTP/1.1 connection: it reads requests one after another and writes their answers.
//
// The client may send the next request before it has the answer (pipelining): one read of what is
// behind a request is taken, the rest waits in the kernel, and so does everything while too much of
// the answers waits to be sent. A client that has sent the end of its stream (half-closed) still
// gets the answers to all it has asked; only a request that ends in the middle is refused. A
// request goes up whole, as a message of link/request.h, and its answer comes down as one of
// link/response.h, so it does not matter in which worker the object lives. Requests that break the
// protocol or a limit are answered here and never seen above; the connection then lingers, reading
// into the void, so that a client that is still sending gets to read why.
//
// An answer with status 101 ends the exchange: the connection leaves with a record, as it is, for
// od_websocket_take where the socket is, or as a descriptor, for od_websocket_attach in whichever
// worker holds it.
//
// Process: worker. Owner: the net; others know exchanges by number and ask for them anew each time.
// Order: answer, its begin and end, upgrade and become (when they succeed) and abort may end the
// exchange; the pointer is then stale.

#ifndef OD_NET_EXCHANGE_H
#define OD_NET_EXCHANGE_H

#include "base/bytes.h"
#include "net/net.h"

struct od_exchange;
struct od_newcomer;
struct od_response;
struct od_wire;

// Takes [fd], a connected stream socket, and starts with what was already read from it, so the
// event of a first request may come before this returns. Its place on the page of the net, if it
// has one, shows how far it has come. Takes [fd] in any case; false when it cannot be watched.
OD_MUST_CHECK bool od_exchange_adopt(struct od_net *net, int fd, const struct od_newcomer *newcomer,
                                     struct od_error *err);

// NULL when the connection is gone or its number was never given.
struct od_exchange *od_net_exchange(const struct od_net *net, uint64_t number);

// The request that waits is handled from here on: should this process end, nobody may handle it
// anew.
void od_exchange_begun(struct od_exchange *exchange);
bool od_exchange_has_begun(const struct od_exchange *exchange);

// Answers the request that waits; [response] is a message of link/response.h, not of status 101.
// What cannot be sent as HTTP (a header with a line break, say) becomes a 500 and a line in the
// log.
void od_exchange_answer(struct od_exchange *exchange, od_slice response);
// The same, for who has read it.
void od_exchange_answer_with(struct od_exchange *exchange, const struct od_response *response);

// The same with the body from a file: [size] bytes of [fd] from [first] on, which the kernel copies
// while the client takes them. Takes [fd]. [response] has content-length and no body. A file that
// has become shorter by then cuts the connection.
void od_exchange_answer_file(struct od_exchange *exchange, od_slice response, int fd,
                             uint64_t first, uint64_t size);

// The same for a response of which only the head is here (its [stream] is not 0). The body follows,
// piece by piece; what the client has taken of it is told by events for [reader], which may come
// before this returns. What is put beyond that is held here.
// An end that is not whole cuts the connection in such a way that no client can take the body for a
// whole one.
void od_exchange_answer_begin(struct od_exchange *exchange, od_slice response, uint64_t reader);
void od_exchange_answer_piece(struct od_exchange *exchange, od_slice bytes);
void od_exchange_answer_end(struct od_exchange *exchange, bool is_whole);

// Of a body that comes in pieces (events.h): so many bytes more of it were taken; or nobody wants
// the rest, which is then read into the void.
void od_exchange_body_taken(struct od_exchange *exchange, size_t size);
void od_exchange_body_unwanted(struct od_exchange *exchange);

// Whether some of such a body was taken since this was asked last.
bool od_exchange_body_moves(struct od_exchange *exchange);

// Whether the waiting request asks for a WebSocket, and asks well.
bool od_exchange_wants_websocket(const struct od_exchange *exchange);

// Turns the connection of the waiting request into a WebSocket, or into an event stream when
// [response] says so, and ends the exchange. Else it has status 101. Puts into [record] the head to
// be sent, what was negotiated and what was already read; [fd] is the connection, which belongs to
// the caller. False when the request cannot be upgraded: the exchange then still waits for an
// answer.
OD_MUST_CHECK bool od_exchange_upgrade(struct od_exchange *exchange, od_slice response,
                                       struct od_bytes *record, int *fd, struct od_error *err);

// The same, but the connection stays here: [wire] is nobody's, and is to be taken or aborted at
// once.
OD_MUST_CHECK bool od_exchange_become(struct od_exchange *exchange, od_slice response,
                                      struct od_bytes *record, struct od_wire **wire,
                                      struct od_error *err);

// Cuts the connection; no event follows.
void od_exchange_abort(struct od_exchange *exchange);

// Ends the connections that wait for no answer; part of od_net_drain.
void od_exchanges_drain(struct od_net *net);

#endif
