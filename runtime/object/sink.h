// A sink: the end of a stream (stream.h) where its pieces arrive.
//
// It feeds an exchange, which sends the pieces to a client, or a fetch, which sends them to a
// server, or it belongs to the task that was given the answer and keeps what its script has not
// read yet. How much it has taken goes back to the writer, so what lies here is bounded.
//
// A task's sink is there from the moment its head arrives; it is opened when the script reads the
// body. An answer that is passed on unread takes its stream along, and the sink here is forgotten.
// What a task has not read when it ends nobody will.
//
// Owner: struct od_objects; found by number. An exchange's ends with the body or the connection, a
// task's with the task.

#ifndef OD_OBJECT_SINK_H
#define OD_OBJECT_SINK_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"
#include "link/response.h"

struct od_exchange;
struct od_objects;
struct od_task;

struct od_sink {
    struct od_map_node by_id;
    uint64_t id;
    struct od_objects *objects;
    uint32_t worker;     // Where it is written,
    uint64_t stream;     // and its number there.
    uint64_t exchange;   // That it feeds; 0: none,
    uint64_t fetch;      // or the fetch; 0: it is a task's.
    struct od_list link; // In the task's readers.
    struct od_bytes in;  // Arrived and not read.
    uint64_t awaited_by; // The task that waits for something to arrive; 0: none.
    bool is_open;
    bool has_ended;
    bool is_whole;
};

struct od_sink *od_sink_find(const struct od_objects *objects, uint64_t id); // NULL: it is over.

// Answers the waiting request of [exchange] with [response], a message whose stream is read here.
void od_sink_feed(struct od_objects *objects, struct od_exchange *exchange, uint64_t number,
                  od_slice message, const struct od_response *response);

// The body of the request of the fetch [number], which takes it through the sink of that number.
uint64_t od_sink_of_fetch(struct od_objects *objects, uint32_t worker, uint64_t stream,
                          uint64_t number);
void od_sink_open(struct od_objects *objects, uint64_t id);

// Of the exchange or fetch that it feeds.
void od_sink_taken(struct od_objects *objects, uint64_t id, size_t size);
void od_sink_unwanted(struct od_objects *objects, uint64_t id);

// An answer with a stream has come for [task], or for nobody; or its own request has one.
struct od_sink *od_sink_arrive(struct od_task *task, uint32_t worker, uint64_t stream);
void od_sink_lose(struct od_objects *objects, const struct od_response *response);

void od_sink_forget(struct od_sink *sink); // Its stream goes on to somebody else.

// What has arrived, at most so many bytes of it, borrowed until it is taken. Empty: nothing yet, or
// [has_ended]. The first time it opens the stream.
od_slice od_sink_peek(struct od_sink *sink);
void od_sink_take(struct od_sink *sink, size_t size);
bool od_sink_wait(struct od_sink *sink, struct od_task *task); // False: there is news.

void od_sinks_lose(struct od_task *task); // All that are left.

// From the writer, in this worker or [worker].
void od_sink_piece(struct od_objects *objects, uint32_t worker, uint64_t id, od_slice piece);
void od_sink_ended(struct od_objects *objects, uint32_t worker, uint64_t id, bool is_whole);

void od_sinks_peer_gone(struct od_objects *objects, uint32_t worker);

// Whether a body goes on to a client or a server, whoever writes it.
bool od_sinks_feed(const struct od_objects *objects);

#endif
