#include "object/pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/connect.h"
#include "net/wire.h"
#include "object/limits.h"
#include "object/objects.h"
#include "object/outbox.h"
#include "object/task.h"

static void check(const struct od_pipe *pipe)
{
    OD_ASSERT(pipe->connect == NULL || pipe->wire == NULL);
    OD_ASSERT(pipe->why.size == 0 || (pipe->connect == NULL && pipe->wire == NULL));
    OD_ASSERT(pipe->searched <= pipe->in.size);
    OD_ASSERT(pipe->wanted <= OD_PIPE_READ_BYTES_MAX);
    OD_ASSERT(pipe->going_bytes <= OD_PIPE_WINDOW_BYTES);
    OD_ASSERT(pipe->tls != OD_PIPE_TLS_BEGINS || pipe->wire == NULL);
}

struct od_pipe *od_pipe_find(const struct od_objects *objects, uint64_t id)
{
    struct od_map_node *node = od_map_find_number(&objects->pipes, id);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_pipe, by_id);
}

bool od_pipe_is_broken(const struct od_pipe *pipe)
{
    return pipe->why.size > 0;
}

static bool has_one_of(od_slice text, const char *characters)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\0' || strchr(characters, text.at[i]) != NULL)
            return true;
    }
    return false;
}

// One parser says what a host is (codec/url.h).
bool od_pipe_target(struct od_url *target, od_slice host, uint32_t port, bool is_secure,
                    struct od_error *err)
{
    struct od_bytes text = {0};
    char behind[16];
    bool is_bare = has_one_of(host, ":") && host.at[0] != '[';
    if (host.size == 0 || host.size > OD_PIPE_HOST_BYTES_MAX || has_one_of(host, "/\\?#@ \t\r\n"))
        return od_error_set(err, "this is not the name or address of a host");
    snprintf(behind, sizeof behind, ":%u/", port);
    od_bytes_put_slice(&text, is_secure ? OD_SLICE("https://") : OD_SLICE("http://"));
    od_bytes_put_slice(&text, is_bare ? OD_SLICE("[") : OD_SLICE(""));
    od_bytes_put_slice(&text, host);
    od_bytes_put_slice(&text, is_bare ? OD_SLICE("]") : OD_SLICE(""));
    od_bytes_put_slice(&text, od_slice_of(behind));
    bool ok = od_url_parse(target, od_bytes_slice(&text), NULL, err);
    od_bytes_deinit(&text);
    return ok;
}

// --- Whoever waits -------------------------------------------------------------------------------

static void resume(struct od_pipe *pipe, uint64_t who, struct od_timer *deadline)
{
    struct od_objects *objects = pipe->object->objects;
    struct od_task *task = who == 0 ? NULL : od_task_find(objects, who);
    od_timers_clear(objects->timers, deadline);
    if (task != NULL)
        od_task_resume(task);
}

static void resume_reader(struct od_pipe *pipe)
{
    resume(pipe, pipe->reader, &pipe->reading);
    pipe->reader = 0;
    pipe->wanted = 0;
}

// He stays the writer until all of his write is put. Of one that is unwanted the timer closes it.
static void resume_writer(struct od_pipe *pipe)
{
    if (od_timer_is_set(&pipe->writing) && !pipe->is_unwanted)
        resume(pipe, pipe->writer, &pipe->writing);
}

static void set_deadline(struct od_pipe *pipe, struct od_timer *timer)
{
    od_timers_set(pipe->object->objects->timers, timer, od_clock_monotonic_ms() + pipe->timeout_ms);
}

static void reading_passed(struct od_timer *timer)
{
    struct od_pipe *pipe = OD_TIMER_MEMBER(timer, struct od_pipe, reading);
    char why[64];
    pipe->is_late = od_task_find(pipe->object->objects, pipe->reader) != NULL;
    if ((pipe->wire == NULL || pipe->tls != OD_PIPE_TLS_NONE) && !od_pipe_is_broken(pipe)) {
        snprintf(why, sizeof why, "there was no %s within %u ms",
                 pipe->tls == OD_PIPE_TLS_NONE ? "connection" : "TLS", pipe->timeout_ms);
        od_pipe_break(pipe, why);
    } else {
        resume_reader(pipe);
    }
}

// What has been sent of the write is not all of it, and nobody can take it back.
static void writing_passed(struct od_timer *timer)
{
    struct od_pipe *pipe = OD_TIMER_MEMBER(timer, struct od_pipe, writing);
    char why[64];
    if (pipe->is_unwanted) {
        od_pipe_close(pipe);
        return;
    }
    if (pipe->tls == OD_PIPE_TLS_DUE) {
        od_pipe_begin_tls(pipe);
        return;
    }
    snprintf(why, sizeof why, "the peer has not read on for %u ms", pipe->timeout_ms);
    struct od_task *task = od_task_find(pipe->object->objects, pipe->writer);
    od_pipe_break(pipe, why);
    if (task != NULL)
        od_task_resume(task);
}

// --- Beginning and end ---------------------------------------------------------------------------

struct od_pipe *od_pipe_open(struct od_object *object, struct od_url *target, uint32_t timeout_ms,
                             struct od_error *err)
{
    struct od_objects *objects = object->objects;
    bool is_full = object->pipe_count >= OD_OBJECT_PIPES_MAX;
    if (is_full || objects->pipes.size >= OD_PIPES_WORKER_MAX) {
        od_url_deinit(target);
        (void)od_error_set(err, "%s has %d connections already; close() ends one",
                           is_full ? "the object" : "the worker",
                           is_full ? OD_OBJECT_PIPES_MAX : OD_PIPES_WORKER_MAX);
        return NULL;
    }
    struct od_pipe *pipe = od_allocate_zeroed(sizeof *pipe);
    pipe->id = ++objects->next_number;
    pipe->object = object;
    pipe->target = *target;
    pipe->timeout_ms = timeout_ms;
    pipe->reading.fire = reading_passed;
    pipe->writing.fire = writing_passed;
    od_list_init(&pipe->link);
    od_list_push_back(&object->work->pipes, &pipe->link);
    object->pipe_count++;
    od_map_put_number(&objects->pipes, &pipe->by_id, pipe->id);
    od_outbox_put(object, (struct od_effect){.kind = OD_EFFECT_PIPE_OPEN, .number = pipe->id});
    return pipe;
}

void od_pipe_free(struct od_pipe *pipe)
{
    struct od_object *object = pipe->object;
    struct od_objects *objects = object->objects;
    check(pipe);
    OD_ASSERT(object->pipe_count > 0);
    resume_reader(pipe);
    resume_writer(pipe);
    if (pipe->connect != NULL)
        od_connect_free(pipe->connect);
    if (pipe->wire != NULL)
        od_wire_close(pipe->wire);
    od_timers_clear(objects->timers, &pipe->writing);
    od_map_remove(&objects->pipes, &pipe->by_id);
    od_list_remove(&pipe->link);
    object->pipe_count--;
    od_url_deinit(&pipe->target);
    od_bytes_deinit(&pipe->in);
    od_bytes_deinit(&pipe->why);
    free(pipe);
}

void od_pipes_end(struct od_object *object)
{
    struct od_list *link;
    while ((link = od_list_pop_front(&object->work->pipes)) != NULL)
        od_pipe_free(OD_LIST_MEMBER(link, struct od_pipe, link));
    OD_ASSERT(object->pipe_count == 0);
}

void od_pipes_settle(struct od_object *object)
{
    bool ends = object->objects->is_draining || object->objects->is_leaving;
    if (ends && od_list_is_empty(&object->work->tasks) && od_list_is_empty(&object->work->outbox))
        od_pipes_end(object);
}

void od_pipe_break(struct od_pipe *pipe, const char *why)
{
    OD_ASSERT(*why != '\0');
    if (od_pipe_is_broken(pipe))
        return;
    if (pipe->connect != NULL)
        od_connect_free(pipe->connect);
    if (pipe->wire != NULL)
        od_wire_abort(pipe->wire);
    pipe->connect = NULL;
    pipe->wire = NULL;
    od_bytes_put_slice(&pipe->why, od_slice_of(why));
    check(pipe);
    resume_reader(pipe);
    resume_writer(pipe);
}

void od_pipe_close(struct od_pipe *pipe)
{
    if (pipe->is_closing)
        return;
    pipe->is_closing = true;
    resume_reader(pipe);
    resume_writer(pipe);
    od_outbox_put(pipe->object, (struct od_effect){.kind = OD_EFFECT_PIPE_END, .number = pipe->id});
}

// Called while Lua collects, when nothing may happen.
void od_pipe_forget(struct od_pipe *pipe)
{
    pipe->is_unwanted = true;
    od_timers_set(pipe->object->objects->timers, &pipe->writing, od_clock_monotonic_ms());
}

void od_pipe_send_end(struct od_pipe *pipe)
{
    OD_ASSERT(pipe->is_closing);
    od_pipe_free(pipe);
}

// --- Reading -------------------------------------------------------------------------------------

static bool is_full(const struct od_pipe *pipe)
{
    size_t most = pipe->wanted > OD_PIPE_WINDOW_BYTES ? pipe->wanted : OD_PIPE_WINDOW_BYTES;
    return pipe->in.size >= most;
}

// Of what has come since nobody read, which may be more than there is room for.
static void pace(struct od_pipe *pipe)
{
    if (pipe->wire == NULL || pipe->has_ended)
        return;
    if (is_full(pipe) || pipe->tls != OD_PIPE_TLS_NONE)
        od_wire_pause(pipe->wire);
    else
        od_wire_resume(pipe->wire);
}

bool od_pipe_is_read(const struct od_pipe *pipe, const struct od_task *task)
{
    return pipe->reader != 0 && pipe->reader != task->id &&
           od_task_find(pipe->object->objects, pipe->reader) != NULL;
}

void od_pipe_wait_to_read(struct od_pipe *pipe, const struct od_task *task, size_t size)
{
    check(pipe);
    OD_ASSERT(size <= OD_PIPE_READ_BYTES_MAX);
    pipe->reader = task->id;
    pipe->wanted = size;
    pipe->is_late = false;
    set_deadline(pipe, &pipe->reading);
    pace(pipe);
}

bool od_pipe_is_late(struct od_pipe *pipe)
{
    bool is_late = pipe->is_late;
    pipe->is_late = false;
    return is_late;
}

void od_pipe_take(struct od_pipe *pipe, size_t size)
{
    OD_ASSERT(size <= pipe->in.size);
    if (size == pipe->in.size)
        od_bytes_deinit(&pipe->in); // Idle ones have no buffer.
    else
        od_bytes_drop_front(&pipe->in, size);
    pipe->searched = 0;
    pace(pipe);
}

static void on_stirs(void *owner)
{
    (void)owner; // Nobody keeps it.
}

// A line may have come with any byte, and of a number of bytes it has to be all.
static void on_bytes(void *owner, char *at, size_t size)
{
    struct od_pipe *pipe = owner;
    od_bytes_put(&pipe->in, at, size);
    pace(pipe);
    if (pipe->reader != 0 && pipe->in.size >= pipe->wanted)
        resume_reader(pipe);
}

static void on_half_ended(void *owner)
{
    struct od_pipe *pipe = owner;
    pipe->has_ended = true;
    resume_reader(pipe);
}

static void on_ended(void *owner)
{
    struct od_pipe *pipe = owner;
    pipe->wire = NULL;
    od_pipe_break(pipe, pipe->has_ended ? "the peer has closed the connection"
                                        : "the connection was cut");
}

// --- Writing -------------------------------------------------------------------------------------

bool od_pipe_is_written(struct od_pipe *pipe, const struct od_task *task)
{
    if (pipe->writer == 0 || pipe->writer == task->id)
        return false;
    if (od_task_find(pipe->object->objects, pipe->writer) != NULL)
        return true;
    od_pipe_break(pipe, "what wrote to it was given up in the middle of a write");
    return false;
}

size_t od_pipe_room(struct od_pipe *pipe)
{
    check(pipe);
    if (pipe->wire == NULL)
        return 0;
    if (od_wire_waiting_bytes(pipe->wire) > 0)
        od_wire_send_now(pipe->wire); // If something is left, on_sent will come.
    size_t waiting = pipe->going_bytes + od_wire_waiting_bytes(pipe->wire);
    return waiting < OD_PIPE_WINDOW_BYTES ? OD_PIPE_WINDOW_BYTES - waiting : 0;
}

void od_pipe_put(struct od_pipe *pipe, const struct od_task *task, od_slice piece, size_t rest)
{
    check(pipe);
    OD_ASSERT(!pipe->is_closing);
    OD_ASSERT(piece.size + pipe->going_bytes <= OD_PIPE_WINDOW_BYTES);
    pipe->writer = rest > 0 ? task->id : 0;
    pipe->going_bytes += piece.size;
    od_outbox_put(
        pipe->object,
        (struct od_effect){.kind = OD_EFFECT_PIPE_BYTES, .number = pipe->id, .bytes = piece});
}

void od_pipe_wait_to_write(struct od_pipe *pipe, const struct od_task *task)
{
    check(pipe);
    pipe->writer = task->id;
    set_deadline(pipe, &pipe->writing);
}

void od_pipe_send(struct od_pipe *pipe, od_slice bytes)
{
    OD_ASSERT(bytes.size <= pipe->going_bytes);
    pipe->going_bytes -= bytes.size;
    if (pipe->wire == NULL)
        return;
    od_bytes_put_slice(od_wire_out(pipe->wire), bytes);
    if (od_timer_is_set(&pipe->writing) && od_pipe_room(pipe) > 0)
        resume_writer(pipe);
}

// TLS takes the wire away, which it may not in here.
static void on_sent(void *owner)
{
    struct od_pipe *pipe = owner;
    if (pipe->tls == OD_PIPE_TLS_DUE)
        od_timers_set(pipe->object->objects->timers, &pipe->writing, od_clock_monotonic_ms());
    else
        resume_writer(pipe);
}

// --- Connecting ----------------------------------------------------------------------------------

static const struct od_wire_protocol protocol = {on_stirs, on_sent, on_bytes, on_half_ended,
                                                 on_ended};

static void on_connected(void *owner, int fd, const struct od_error *why)
{
    struct od_pipe *pipe = owner;
    struct od_error err;
    pipe->connect = NULL;
    pipe->tls = OD_PIPE_TLS_NONE;
    if (fd < 0) {
        od_pipe_break(pipe, why->text);
    } else if (!od_wire_adopt(pipe->object->objects->net, fd, &protocol, pipe, &pipe->wire, &err)) {
        pipe->wire = NULL;
        od_pipe_break(pipe, err.text);
    } else {
        resume_reader(pipe);
    }
}

void od_pipe_begin(struct od_pipe *pipe)
{
    check(pipe);
    OD_ASSERT(pipe->connect == NULL && pipe->wire == NULL);
    struct od_error err;
    if (od_pipe_is_broken(pipe))
        return;
    pipe->connect = od_connect_start(pipe->object->objects->net, &pipe->target, OD_CONNECT_PLAIN,
                                     on_connected, pipe, &err);
    if (pipe->connect == NULL)
        od_pipe_break(pipe, err.text);
}

// --- TLS on a connection that is there -----------------------------------------------------------

bool od_pipe_is_secure(const struct od_pipe *pipe)
{
    return pipe->tls != OD_PIPE_TLS_NONE ||
           od_slice_equal(od_bytes_slice(&pipe->target.scheme), OD_SLICE("https"));
}

void od_pipe_secure(struct od_pipe *pipe)
{
    check(pipe);
    OD_ASSERT(pipe->wire != NULL);
    OD_ASSERT(!od_pipe_is_secure(pipe));
    pipe->tls = OD_PIPE_TLS_ASKED;
    pace(pipe);
    od_outbox_put(pipe->object,
                  (struct od_effect){.kind = OD_EFFECT_PIPE_SECURE, .number = pipe->id});
}

static void name_secure(struct od_url *target)
{
    if (target->port.size == 0)
        od_bytes_put_slice(&target->port, OD_SLICE("80"));
    od_bytes_clear(&target->scheme);
    od_bytes_put_slice(&target->scheme, OD_SLICE("https"));
}

static void hand_to_tls(struct od_pipe *pipe)
{
    struct od_bytes unsent = {0};
    struct od_error err;
    struct od_net *net = pipe->object->objects->net;
    int fd = od_wire_release(pipe->wire, &unsent);
    if (fd < 0) {
        od_pipe_break(pipe, "no descriptor is free");
        return;
    }
    OD_ASSERT(unsent.size == 0);
    pipe->wire = NULL;
    pipe->tls = OD_PIPE_TLS_BEGINS;
    name_secure(&pipe->target);
    pipe->connect = od_connect_secure(net, &pipe->target, fd, on_connected, pipe, &err);
    if (pipe->connect == NULL)
        od_pipe_break(pipe, err.text);
}

void od_pipe_begin_tls(struct od_pipe *pipe)
{
    check(pipe);
    if (od_pipe_is_broken(pipe))
        return;
    OD_ASSERT(pipe->tls == OD_PIPE_TLS_ASKED || pipe->tls == OD_PIPE_TLS_DUE);
    pipe->tls = OD_PIPE_TLS_DUE;
    if (pipe->in.size > 0 || pipe->has_ended) {
        od_pipe_break(pipe, pipe->has_ended ? "the peer has closed the connection"
                                            : "the peer has sent something before TLS");
        return;
    }
    od_wire_send_now(pipe->wire);
    if (!pipe->wire->is_cut && od_wire_waiting_bytes(pipe->wire) == 0)
        hand_to_tls(pipe);
}
