// Links for a spec: they write down what happens to them, and the spec asks afterwards. The FFI of
// LuaJIT cannot be called back with a struct by value, so this much is C.

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/link.h"
#include "spec/unit/link/recorder.h"

struct recorder {
    uv_loop_t *loop;
    struct od_link link;
    struct od_bytes
        story;         // One line a message: "CALL hello", "CALL hello +fd", then "gone", "closed".
    int last_fd;       // The descriptor that came last; the recorder's until the next comes.
    size_t body_bytes; // Of all messages.
    bool closes_at_message;
};

static void tell(struct recorder *recorder, const char *text)
{
    od_bytes_put_slice(&recorder->story, od_slice_of(text));
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct recorder *recorder = link->owner;
    od_slice shown = {body.at, body.size < 40 ? body.size : 40};
    tell(recorder, od_kind_name(kind));
    tell(recorder, " ");
    od_bytes_put_slice(&recorder->story, shown);
    tell(recorder, fd >= 0 ? " +fd\n" : "\n");
    recorder->body_bytes += body.size;
    if (fd >= 0 && recorder->last_fd >= 0)
        close(recorder->last_fd);
    if (fd >= 0)
        recorder->last_fd = fd;
    if (recorder->closes_at_message)
        od_link_close(link);
}

static void on_gone(struct od_link *link)
{
    tell(link->owner, "gone\n");
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    tell(link->owner, "closed\n");
}

static const struct od_link_events events = {on_message, on_gone, on_closed};

struct recorder *recorder_new(uv_loop_t *loop, int fd)
{
    struct recorder *recorder = od_allocate_zeroed(sizeof *recorder);
    recorder->loop = loop;
    recorder->last_fd = -1;
    struct od_error err;
    bool ok = od_link_init(&recorder->link, loop, fd, &events, recorder, &err);
    OD_ASSERT(ok);
    return recorder;
}

void recorder_free(struct recorder *recorder)
{
    if (recorder->last_fd >= 0)
        close(recorder->last_fd);
    od_bytes_deinit(&recorder->story);
    free(recorder);
}

void recorder_send(struct recorder *recorder, int kind, const char *body, size_t size, int fd)
{
    od_link_send(&recorder->link, (enum od_kind)kind, (od_slice){body, size}, fd);
}

// What no link of ours sends: any bytes, and [count] times (at most two) the descriptor [fd].
void recorder_lend(struct recorder *recorder, int kind, int fd)
{
    od_link_end(&recorder->link, od_link_begin_lent(&recorder->link, (enum od_kind)kind, fd));
}

bool recorder_lends(struct recorder *recorder, int fd)
{
    return od_link_lends(&recorder->link, fd);
}

void recorder_send_strange(struct recorder *recorder, const char *bytes, size_t size, int fd,
                           size_t count)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    int fds[2] = {fd, fd};
    struct iovec piece = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    control.align.cmsg_level = SOL_SOCKET;
    control.align.cmsg_type = SCM_RIGHTS;
    control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
    ssize_t sent = sendmsg(recorder->link.fd, &message, MSG_NOSIGNAL);
    OD_ASSERT(sent == (ssize_t)size);
}

void recorder_flush(struct recorder *recorder)
{
    od_link_flush(&recorder->link);
}

void recorder_close(struct recorder *recorder)
{
    if (!recorder->link.is_closing)
        od_link_close(&recorder->link);
}

size_t recorder_waiting(struct recorder *recorder)
{
    return od_link_waiting_bytes(&recorder->link);
}

void recorder_turns(uv_loop_t *loop, int count)
{
    for (int i = 0; i < count; i++)
        uv_run(loop, UV_RUN_NOWAIT);
}

const char *recorder_story(struct recorder *recorder)
{
    *od_bytes_reserve(&recorder->story, 1) = '\0';
    return recorder->story.at;
}

size_t recorder_body_bytes(struct recorder *recorder)
{
    return recorder->body_bytes;
}

int recorder_last_fd(struct recorder *recorder)
{
    return recorder->last_fd;
}

void recorder_close_at_message(struct recorder *recorder)
{
    recorder->closes_at_message = true;
}
