// A stream: a body on its way, piece by piece, from who writes it to who reads it. The writer is
// the function of a response, in a task of an object; the server that od.fetch has asked; or the
// client of a request whose class wants to read its body while it comes.
//
// The head of the answer names the stream by its worker and number, and travels like any answer;
// whoever wants the body in the end (the client's exchange, in its worker, or a task that reads it)
// opens the stream there, and pieces then go to him directly, whoever has passed the head on. This
// is the writer's end; the other is sink.h.
//
//     writer                                   reader
//     ── head, through the outbox ───────────►
//                                      ◄────── STREAM_OPEN
//     ── STREAM_PIECE, through the outbox ───►
//                                      ◄────── STREAM_TAKEN: so much may follow
//     ── STREAM_END, through the outbox ─────►        or ◄── STREAM_LEFT: nobody reads on
//
// So a reader that is slow slows the writer: what is put and not taken, wherever it lies, is at
// most OD_STREAM_WINDOW_BYTES. Each piece is an effect of the object (outbox.h) and leaves when the
// writes before it are on disk, in its order with all else the object does.
//
// An end is whole only when the writer says so. A reset, an error, the end of a worker: the reader
// gets an end that is not, or none, and cuts what it feeds. A stream that nobody opens within
// OD_STREAM_OPEN_MS_MAX, because its head was dropped on the way, counts as left.
//
// Owner: struct od_objects; found by number. Freed when its end has been told, or when it has ended
// and nobody reads it.

#ifndef OD_OBJECT_STREAM_H
#define OD_OBJECT_STREAM_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"
#include "base/timers.h"

struct od_object;
struct od_objects;
struct od_task;

struct od_stream {
    struct od_map_node by_id;
    uint64_t id;
    struct od_objects *objects;
    struct od_object *object;
    struct od_task *task;   // That runs the body function; NULL: it has ended, or there is none.
    uint64_t fetch;         // The call whose fetch brings it (outgoing.h); 0: none.
    uint64_t exchange;      // Whose request it is the body of; 0: none.
    struct od_list waiting; // Tasks that wait to write, the first to do so first.
    uint64_t holder;        // The task that is in the middle of a write; 0: none.
    uint64_t reader;        // Who has opened it, 0: nobody yet;
    uint32_t reader_worker; // and where.
    size_t going_bytes;     // Put and not taken.
    bool is_counted;        // The head says how many bytes come:
    uint64_t left_bytes;    // so many more.
    bool has_ended;         // Its end was put,
    bool is_over;           // and has left the outbox before anybody opened it;
    bool is_whole;          // it is the end of all.
    bool is_left;           // Nobody reads on.
    struct od_bytes early;  // What left the outbox before anybody opened it.
    struct od_timer timer;  // To be opened; once left, for the body function to end.
};

// For the body that [task] is about to write.
struct od_stream *od_stream_new(struct od_task *task);
// For the body of a fetch; [id] was not given to anything else.
struct od_stream *od_stream_new_of_fetch(struct od_objects *objects, uint64_t id, uint64_t fetch);
struct od_stream *od_stream_new_of_exchange(struct od_objects *objects, uint64_t exchange);
struct od_stream *od_stream_find(const struct od_objects *objects, uint64_t id); // NULL: over.

// How many bytes [task] may put now; 0: it has to wait.
size_t od_stream_room(const struct od_stream *stream, const struct od_task *task);

// Puts a piece, through the outbox; of [rest] bytes that are to follow in the same write no other
// task may get in between.
void od_stream_put(struct od_stream *stream, const struct od_task *task, od_slice piece,
                   size_t rest);

// The task resumes when it may put something or nobody reads any more. False: that is now.
bool od_stream_wait(struct od_stream *stream, struct od_task *task);
void od_stream_forget_waiting(struct od_task *task); // It waits no more.

// The body function has returned: the end, through the outbox.
void od_stream_end(struct od_stream *stream);

// It will not be whole: the reader is told at once, without a gate. Frees it.
void od_stream_break(struct od_stream *stream);

// An effect has passed the outbox, or a server has sent it.
void od_stream_send(struct od_stream *stream, od_slice piece);
void od_stream_send_end(struct od_stream *stream);

// From the reader, in this worker or [worker].
void od_stream_opened(struct od_objects *objects, uint32_t worker, uint64_t id, uint64_t reader);
void od_stream_taken(struct od_objects *objects, uint32_t worker, uint64_t id, size_t size);
void od_stream_left(struct od_objects *objects, uint32_t worker, uint64_t id);

void od_streams_end(struct od_objects *objects); // Of all tasks none is left. Also their readers.
// Whether a body that no task writes, a server's or a client's, goes on to its reader.
bool od_streams_feed(const struct od_objects *objects);

void od_streams_peer_gone(struct od_objects *objects, uint32_t worker); // Also their readers.

#endif
