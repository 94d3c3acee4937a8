#include "link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"

enum {
    head_bytes = 8,
    fds_at = 7,              // In the head.
    read_bytes = 64 << 10,   // One recvmsg.
    reads_per_turn_max = 64, // Then the other descriptors of the loop have their turn.
    idle_bytes_max =
        256 << 10,           // A buffer that a large message left bigger than this is given back.
    compact_bytes = 1 << 20, // What was sent is cut off in front from here on.
};

struct head {
    uint32_t body_bytes;
    uint16_t kind;
    uint8_t has_fd;
    uint8_t fds; // That have left with this message as their first; 0: it is not (riders.h).
};

bool od_link_pair(int fds[2], struct od_error *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0)
        return true;
    return od_error_errno(err, "cannot make a link between two processes");
}

// The bytes that cross.
static const struct od_bytes *leaving(const struct od_link *link)
{
    return link->cover == NULL ? &link->out : &link->laid;
}

static bool has_more_to_send(const struct od_link *link)
{
    return link->sent < leaving(link)->size;
}

void od_link_check(const struct od_link *link)
{
    OD_ASSERT(link->sent <= leaving(link)->size);
    od_riders_check(&link->riders);
    OD_ASSERT(link->is_gone || !link->is_closing);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct od_link *link, int events)
{
    if (link->is_gone || link->polled == events)
        return;
    if (events == 0) {
        uv_poll_stop(&link->poll);
        link->polled = 0;
        return;
    }
    int status = uv_poll_start(&link->poll, events, on_poll);
    OD_ASSERT(status == 0);
    link->polled = events;
}

bool od_link_init(struct od_link *link, uv_loop_t *loop, int fd,
                  const struct od_link_events *events, void *owner, struct od_error *err)
{
    *link = (struct od_link){
        .owner = owner, .events = events, .fd = fd, .message_bytes_max = OD_LINK_MESSAGE_BYTES_MAX};
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    int failed = uv_poll_init(loop, &link->poll, fd); // Also makes it non-blocking.
    if (failed != 0) {
        close(fd);
        return od_error_set(err, "cannot watch a link: %s", uv_strerror(failed));
    }
    link->poll.data = link;
    watch(link, UV_READABLE);
    return true;
}

void od_link_set_far(struct od_link *link, uint32_t message_bytes_max)
{
    OD_ASSERT(message_bytes_max <= OD_LINK_MESSAGE_BYTES_MAX);
    link->is_far = true;
    link->message_bytes_max = message_bytes_max;
}

void od_link_set_cover(struct od_link *link, const struct od_link_cover *cover, void *context)
{
    OD_ASSERT(link->is_far);
    OD_ASSERT(link->out.size == 0);
    link->cover = cover;
    link->cover_context = context;
}

// What is watched for, beside room for what waits to be sent.
static int reading(const struct od_link *link)
{
    return link->is_paused ? 0 : UV_READABLE;
}

void od_link_pause(struct od_link *link, bool is_paused)
{
    od_link_check(link);
    link->is_paused = is_paused;
    watch(link, reading(link) | (has_more_to_send(link) ? UV_WRITABLE : 0));
}

// --- Closing -------------------------------------------------------------------------------------

static void drop(struct od_link *link)
{
    if (link->is_gone)
        return;
    uv_poll_stop(&link->poll);
    close(link->fd);
    od_riders_deinit(&link->riders);
    od_bytes_deinit(&link->out);
    od_bytes_deinit(&link->laid);
    link->fd = -1;
    link->sent = 0;
    link->is_gone = true;
}

static void on_closed(uv_handle_t *handle)
{
    struct od_link *link = handle->data;
    od_bytes_deinit(&link->in);
    od_bytes_deinit(&link->out);
    od_bytes_deinit(&link->came);
    if (link->events->closed != NULL)
        link->events->closed(link);
}

void od_link_close(struct od_link *link)
{
    OD_ASSERT(!link->is_closing);
    od_link_check(link);
    link->is_closing = true;
    drop(link);
    uv_close((uv_handle_t *)&link->poll, on_closed);
}

static void lose(struct od_link *link)
{
    drop(link);
    if (!link->is_closing)
        link->events->gone(link);
}

// --- Receiving -----------------------------------------------------------------------------------

// One recvmsg behind what is there: the count of bytes, 0 at the end, -1 with errno. [may_be_more]
// when the buffer was filled, or a descriptor has cut it short.
static ssize_t receive(struct od_link *link, bool *may_be_more)
{
    OD_ASSERT(!link->is_gone);
    union od_riders_control control;
    struct od_bytes *into = link->cover == NULL ? &link->in : &link->came;
    struct iovec piece = {od_bytes_reserve(into, read_bytes), read_bytes};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t count = recvmsg(link->fd, &message, MSG_CMSG_CLOEXEC);
    bool has_fd = count >= 0 && od_riders_arrive(&link->riders, &message);
    *may_be_more = has_fd || count == read_bytes || (count < 0 && errno == EINTR);
    if (count > 0)
        into->size += (size_t)count;
    return count;
}

// The other side hears why it makes no sense.
static bool lift_cover(struct od_link *link)
{
    if (link->cover == NULL)
        return true;
    bool is_sound = link->cover->lift(link->cover_context, od_bytes_slice(&link->came), &link->in);
    od_bytes_clear(&link->came);
    if (!is_sound)
        od_link_flush(link);
    return is_sound;
}

static struct head read_head(od_slice bytes)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    struct head head;
    head.body_bytes = od_cursor_u32(&cursor);
    head.kind = od_cursor_u16(&cursor);
    head.has_fd = od_cursor_u8(&cursor);
    head.fds = od_cursor_u8(&cursor);
    return head;
}

static bool head_makes_sense(const struct od_link *link, struct head head)
{
    return head.body_bytes <= link->message_bytes_max && head.kind != OD_KIND_NONE &&
           head.kind < OD_KIND_COUNT && head.has_fd <= (link->is_far ? 0 : 1) &&
           (head.has_fd > 0 || head.fds == 0);
}

// Hands out the whole messages of [in]. False when the other side speaks nonsense.
static bool deliver(struct od_link *link)
{
    size_t at = 0;
    while (!link->is_gone && link->in.size - at >= head_bytes) {
        struct head head = read_head((od_slice){link->in.at + at, head_bytes});
        if (!head_makes_sense(link, head))
            return false;
        // The rest of the body comes with a later read.
        if (link->in.size - at - head_bytes < head.body_bytes)
            break;
        od_slice body = {link->in.at + at + head_bytes, head.body_bytes};
        at += head_bytes + head.body_bytes;
        int fd = -1;
        if (head.has_fd > 0 && !od_riders_claim(&link->riders, head.fds, &fd))
            return false;
        link->events->message(link, (enum od_kind)head.kind, body, fd);
    }
    OD_ASSERT(at <= link->in.size);
    od_bytes_drop_front(&link->in, at);
    if (link->in.size == 0 && link->in.capacity > idle_bytes_max)
        od_bytes_deinit(&link->in);
    return true;
}

// True when nothing more is there now.
static bool read_turn(struct od_link *link)
{
    bool may_be_more = true;
    for (int i = 0; i < reads_per_turn_max && may_be_more && !link->is_gone; i++) {
        if (link->is_paused) // Since the last message.
            return true;
        ssize_t count = receive(link, &may_be_more);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return true;
        if (count <= 0 || !lift_cover(link) || !deliver(link) ||
            !od_riders_are_wanted(&link->riders, link->in.size > 0)) {
            lose(link);
            return true;
        }
    }
    return link->is_gone;
}

// The end itself comes last, unless somebody else still has the other end in his hands.
void od_link_read_rest(struct od_link *link)
{
    while (!link->is_gone && !read_turn(link))
        continue;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct od_link *link = poll->data;
    int polled = link->polled;
    bool has_failed =
        status < 0; // The socket; libuv has stopped to poll, but there may be bytes left.
    if (has_failed)
        link->polled = 0;
    if (has_failed || (events & UV_READABLE) != 0)
        read_turn(link);
    if ((events & UV_WRITABLE) != 0)
        od_link_flush(link);
    // libuv has stopped to watch, so it is told anew what we had asked for.
    if (has_failed && link->polled == 0)
        watch(link, polled);
}

// --- Sending -------------------------------------------------------------------------------------

static size_t begin(struct od_link *link, enum od_kind kind, bool has_fd)
{
    OD_ASSERT(kind != OD_KIND_NONE);
    OD_ASSERT(kind < OD_KIND_COUNT);
    od_link_check(link);
    size_t mark = link->out.size;
    od_bytes_put_u32(&link->out, 0);
    od_bytes_put_u16(&link->out, (uint16_t)kind);
    od_bytes_put_u8(&link->out, has_fd);
    od_bytes_put_u8(&link->out, 0);
    return mark;
}

size_t od_link_begin(struct od_link *link, enum od_kind kind, int fd)
{
    size_t mark = begin(link, kind, fd >= 0);
    if (fd >= 0 && link->is_gone)
        close(fd);
    else if (fd >= 0)
        od_riders_put(&link->riders, (struct od_rider){.offset = mark, .fd = fd});
    return mark;
}

size_t od_link_begin_lent(struct od_link *link, enum od_kind kind, int fd)
{
    OD_ASSERT(fd >= 0);
    size_t mark = begin(link, kind, true);
    if (!link->is_gone)
        od_riders_put(&link->riders, (struct od_rider){mark, fd, true});
    return mark;
}

bool od_link_lends(const struct od_link *link, int fd)
{
    return od_riders_lends(&link->riders, fd);
}

void od_link_end(struct od_link *link, size_t mark)
{
    OD_ASSERT(link->out.size >= mark + head_bytes); // Of this message, which begin has begun.
    size_t body_bytes = link->out.size - mark - head_bytes;
    OD_ASSERT(body_bytes <= OD_LINK_MESSAGE_BYTES_MAX);
    if (link->is_gone)
        od_bytes_deinit(&link->out);
    else
        od_bytes_set_u32(&link->out, mark, (uint32_t)body_bytes);
}

void od_link_send(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    size_t mark = od_link_begin(link, kind, fd);
    od_bytes_put_slice(&link->out, body);
    od_link_end(link, mark);
}

// What can leave in one system call: up to the next message with a descriptor that does not.
static ssize_t send_piece(struct od_link *link)
{
    struct od_riders *riders = &link->riders;
    const struct od_bytes *out = leaving(link);
    size_t fds = od_riders_leaving(riders, link->sent);
    size_t end = od_riders_next(riders, fds, out->size);
    OD_ASSERT(end > link->sent);
    struct iovec piece = {out->at + link->sent, end - link->sent};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    union od_riders_control control;
    if (fds > 0) {
        out->at[link->sent + fds_at] = (char)fds;
        od_riders_board(riders, fds, &message, &control);
    }
    ssize_t count = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0)
        od_riders_left(riders, fds);
    return count;
}

static void give_back(struct od_bytes *bytes)
{
    if (bytes->size == 0 && bytes->capacity > idle_bytes_max)
        od_bytes_deinit(bytes);
}

static void forget_sent(struct od_link *link)
{
    struct od_bytes *left_bytes = link->cover == NULL ? &link->out : &link->laid;
    OD_ASSERT(link->sent <= left_bytes->size);
    od_bytes_drop_front(left_bytes, link->sent);
    od_riders_shift(&link->riders, link->sent);
    link->sent = 0;
    give_back(&link->out);
    give_back(&link->laid);
}

// ETOOMANYREFS: more descriptors are on their way than the system allows until the other side has
// read some. A retry when the socket is writable is a busy one, but nothing wakes us for this.
static bool may_retry(int error)
{
    return error == EAGAIN || error == ETOOMANYREFS || error == ENOBUFS || error == ENOMEM;
}

void od_link_flush(struct od_link *link)
{
    od_link_check(link);
    if (link->is_gone)
        return;
    if (link->leaves != NULL && has_more_to_send(link))
        link->leaves(link);
    if (link->cover != NULL)
        link->cover->lay(link->cover_context, &link->out, &link->laid);
    ssize_t count = 0;
    while (has_more_to_send(link)) {
        count = send_piece(link);
        if (count > 0)
            link->sent += (size_t)count;
        else if (errno != EINTR)
            break;
    }
    bool done = !has_more_to_send(link);
    if (!done && !may_retry(errno)) {
        // The other side is gone. No event is told from here: the reader tells the end, when it has
        // read what the other side said last.
        link->sent = leaving(link)->size;
        od_riders_drop_out(&link->riders);
        shutdown(link->fd, SHUT_RDWR);
        done = true;
    }
    bool is_worth_moving = link->sent >= compact_bytes && link->sent >= leaving(link)->size / 2;
    if (done || is_worth_moving)
        forget_sent(link);
    watch(link, reading(link) | (done ? 0 : UV_WRITABLE));
}

void od_link_flush_all(struct od_link *link)
{
    od_link_flush(link);
    while (!link->is_gone && has_more_to_send(link)) {
        struct pollfd room = {.fd = link->fd, .events = POLLOUT};
        poll(&room, 1, -1);
        od_link_flush(link);
    }
}

size_t od_link_waiting_bytes(const struct od_link *link)
{
    od_link_check(link);
    return leaving(link)->size - link->sent + (link->cover == NULL ? 0 : link->out.size);
}
