// A pipe: a plain connection of bytes to a place outside (od.connect), for clients of databases,
// caches and mail.
//
// It belongs to the instance that has opened it, and goes with that: at sleep, at a reset, and when
// new code takes over. A pipe keeps nobody awake, but a task that waits for it does. What a script
// holds is a number: of a pipe that is gone it finds nothing.
//
// To be opened, what is written, and the end are effects, in their order with all else the object
// sends. Within a transaction they are questions like a fetch (outbox.h). What comes is read into
// OD_PIPE_WINDOW_BYTES, or as much as the task that reads asks for; then TCP slows the peer down.
// As much may be written and not sent; then the writer waits.
//
// One task reads at a time, and one writes. TLS may begin later than the connection, where a
// protocol has a word for that: behind what was put, and before anything is read that came after.
//
// Owner: the object; found by number. Freed when its end has left, or with the instance.

#ifndef OD_OBJECT_PIPE_H
#define OD_OBJECT_PIPE_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "base/timers.h"
#include "codec/url.h"

struct od_connect;
struct od_object;
struct od_objects;
struct od_task;
struct od_wire;

enum od_pipe_tls { // That begins on a connection that is there.
    OD_PIPE_TLS_NONE,
    OD_PIPE_TLS_ASKED,  // The effect is in the outbox.
    OD_PIPE_TLS_DUE,    // When what was put is with the system.
    OD_PIPE_TLS_BEGINS, // [connect] does it.
};

struct od_pipe {
    struct od_map_node by_id;
    uint64_t id;
    struct od_object *object;
    struct od_list link;        // In the object's pipes, oldest first.
    struct od_url target;       // Its scheme is http, or https for TLS (net/connect.h).
    uint32_t timeout_ms;        // To connect, and of each wait.
    struct od_connect *connect; // Until there is a connection;
    struct od_wire *wire;       // then that, until it is broken.
    struct od_bytes in;         // Come and not read,
    size_t searched;            // of which so much has no end of a line,
    size_t wanted;              // and so much is waited for, if more than usual.
    size_t going_bytes;         // In the outbox.
    uint64_t reader, writer;    // Tasks: that waits to read, or to be connected; and in the middle
                                // of a write. 0: none. They may have ended.
    struct od_timer reading, writing; // Their deadlines.
    enum od_pipe_tls tls;
    bool is_late;        // [reading] has passed.
    bool has_ended;      // The peer sends nothing more.
    bool is_closing;     // The script has closed it: its end is in the outbox.
    bool is_unwanted;    // The script has lost it: [writing] closes it.
    struct od_bytes why; // Not empty: it is broken, and so.
};

// Whether HOST and PORT can be connected to; fills in [target], which is the caller's, zeroed.
OD_MUST_CHECK bool od_pipe_target(struct od_url *target, od_slice host, uint32_t port,
                                  bool is_secure, struct od_error *err);

// Takes [target] in any case. NULL: there are too many. It is connected through the outbox.
struct od_pipe *od_pipe_open(struct od_object *object, struct od_url *target, uint32_t timeout_ms,
                             struct od_error *err);
struct od_pipe *od_pipe_find(const struct od_objects *objects, uint64_t id); // NULL: it is gone.

bool od_pipe_is_broken(const struct od_pipe *pipe);

// The task, which is one that runs, resumes when [size] bytes have come, when there is a
// connection, or when neither will be; or after the timeout, which od_pipe_is_late tells once.
void od_pipe_wait_to_read(struct od_pipe *pipe, const struct od_task *task, size_t size);
bool od_pipe_is_late(struct od_pipe *pipe);
void od_pipe_take(struct od_pipe *pipe, size_t size); // So much of [in] has been read.

// Whether another task than [task] reads, or is in the middle of a write. One that has been given
// up in there leaves a pipe that is broken.
bool od_pipe_is_read(const struct od_pipe *pipe, const struct od_task *task);
bool od_pipe_is_written(struct od_pipe *pipe, const struct od_task *task);

size_t od_pipe_room(struct od_pipe *pipe); // How many bytes may be put now.

// Puts a piece, through the outbox; of [rest] bytes that are to follow in the same write no other
// task may get in between.
void od_pipe_put(struct od_pipe *pipe, const struct od_task *task, od_slice piece, size_t rest);
void od_pipe_wait_to_write(struct od_pipe *pipe, const struct od_task *task);

// TLS is to begin, on a connection that is there and has none. Nobody reads or writes until it has;
// wait to read for that. It is broken when something has come that nobody has read: that would be
// taken for a word of the peer behind TLS.
bool od_pipe_is_secure(const struct od_pipe *pipe); // Or is about to be.
void od_pipe_secure(struct od_pipe *pipe);

void od_pipe_close(struct od_pipe *pipe);  // Behind what was put. Nothing is read any more.
void od_pipe_forget(struct od_pipe *pipe); // Nobody can close it any more. Not at once.
void od_pipe_free(struct od_pipe *pipe);   // At once, and what waits to be sent is.

void od_pipes_end(struct od_object *object);    // The instance goes.
void od_pipes_settle(struct od_object *object); // They go, if its worker ends and no task is left.

// Effects have passed the outbox.
void od_pipe_begin(struct od_pipe *pipe);
void od_pipe_send(struct od_pipe *pipe, od_slice bytes);
void od_pipe_begin_tls(struct od_pipe *pipe);
void od_pipe_send_end(struct od_pipe *pipe);

void od_pipe_break(struct od_pipe *pipe, const char *why); // An effect of it never will.

#endif
