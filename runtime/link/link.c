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
    read_bytes = 64 << 10,   // One recvmsg.
    reads_per_turn_max = 64, // Then the other descriptors of the loop have their turn.
    idle_bytes_max =
        256 << 10,           // A buffer that a large message left bigger than this is given back.
    compact_bytes = 1 << 20, // What was sent is cut off in front from here on.
};

struct head {
    uint32_t body_bytes;
    uint16_t kind;
    uint16_t fd_count;
};

bool od_link_pair(int fds[2], struct od_error *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0)
        return true;
    return od_error_errno(err, "cannot make a link between two processes");
}

void od_link_check(const struct od_link *link)
{
    OD_ASSERT(link->sent <= link->out.size);
    OD_ASSERT(link->out_fd_first <= link->out_fd_count);
    OD_ASSERT(link->out_fd_count <= link->out_fd_capacity);
    OD_ASSERT(link->in_fd_count <= link->in_fd_capacity);
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

// What is watched for, beside room for what waits to be sent.
static int reading(const struct od_link *link)
{
    return link->is_paused ? 0 : UV_READABLE;
}

void od_link_pause(struct od_link *link, bool is_paused)
{
    od_link_check(link);
    link->is_paused = is_paused;
    watch(link, reading(link) | (link->sent < link->out.size ? UV_WRITABLE : 0));
}

// --- Closing -------------------------------------------------------------------------------------

static void close_out_fds(struct od_link *link)
{
    for (size_t i = link->out_fd_first; i < link->out_fd_count; i++)
        close(link->out_fds[i].fd);
    link->out_fd_first = link->out_fd_count = 0;
}

static void close_fds(struct od_link *link)
{
    close_out_fds(link);
    for (size_t i = 0; i < link->in_fd_count; i++) {
        if (link->in_fds[i] >= 0)
            close(link->in_fds[i]);
    }
    link->in_fd_count = 0;
}

static void drop(struct od_link *link)
{
    if (link->is_gone)
        return;
    uv_poll_stop(&link->poll);
    close(link->fd);
    close_fds(link);
    od_bytes_deinit(&link->out);
    link->fd = -1;
    link->sent = 0;
    link->is_gone = true;
}

static void on_closed(uv_handle_t *handle)
{
    struct od_link *link = handle->data;
    od_bytes_deinit(&link->in);
    od_bytes_deinit(&link->out);
    free(link->out_fds);
    free(link->in_fds);
    link->out_fds = NULL;
    link->in_fds = NULL;
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

static void arrived_fd(struct od_link *link, int fd)
{
    if (link->in_fd_count == link->in_fd_capacity)
        link->in_fds = od_grow(link->in_fds, &link->in_fd_capacity, sizeof *link->in_fds);
    link->in_fds[link->in_fd_count++] = fd;
}

static int claim_fd(struct od_link *link)
{
    OD_ASSERT(link->in_fd_count <= link->in_fd_capacity);
    if (link->in_fd_count == 0)
        return -1;
    int fd = link->in_fds[0];
    link->in_fd_count--;
    memmove(link->in_fds, link->in_fds + 1, link->in_fd_count * sizeof *link->in_fds);
    return fd;
}

static bool take_control(struct od_link *link, struct msghdr *message)
{
    bool found = false;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) { // We send one; the room there is for it takes two.
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            arrived_fd(link, fd);
        }
        found = count > 0;
    }
    if (!found && (message->msg_flags & MSG_CTRUNC) != 0)
        arrived_fd(link, -1);
    return found;
}

// One recvmsg behind what is there: the count of bytes, 0 at the end, -1 with errno. [may_be_more]
// when the buffer was filled, or a descriptor has cut it short.
static ssize_t receive(struct od_link *link, bool *may_be_more)
{
    OD_ASSERT(!link->is_gone);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec piece = {od_bytes_reserve(&link->in, read_bytes), read_bytes};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t count = recvmsg(link->fd, &message, MSG_CMSG_CLOEXEC);
    bool has_fd = count >= 0 && take_control(link, &message);
    *may_be_more = has_fd || count == read_bytes || (count < 0 && errno == EINTR);
    if (count > 0)
        link->in.size += (size_t)count;
    return count;
}

static struct head read_head(od_slice bytes)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    struct head head;
    head.body_bytes = od_cursor_u32(&cursor);
    head.kind = od_cursor_u16(&cursor);
    head.fd_count = od_cursor_u16(&cursor);
    return head;
}

static bool head_makes_sense(const struct od_link *link, struct head head)
{
    return head.body_bytes <= link->message_bytes_max && head.kind != OD_KIND_NONE &&
           head.kind < OD_KIND_COUNT && head.fd_count <= (link->is_far ? 0 : 1);
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
        int fd = head.fd_count == 0 ? -1 : claim_fd(link);
        link->events->message(link, (enum od_kind)head.kind, body, fd);
    }
    OD_ASSERT(at <= link->in.size);
    od_bytes_drop_front(&link->in, at);
    if (link->in.size == 0 && link->in.capacity > idle_bytes_max)
        od_bytes_deinit(&link->in);
    return true;
}

// A descriptor comes with the first byte of the message that wants it, and with nothing else.
static bool has_unwanted_fds(const struct od_link *link)
{
    return link->in_fd_count > (link->in.size > 0 ? 1 : 0);
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
        if (count <= 0 || !deliver(link) || has_unwanted_fds(link)) {
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

static void add_out_fd(struct od_link *link, size_t offset, int fd)
{
    OD_ASSERT(fd >= 0);
    OD_ASSERT(link->out_fd_count == 0 || link->out_fds[link->out_fd_count - 1].offset <= offset);
    if (link->out_fd_count == link->out_fd_capacity)
        link->out_fds = od_grow(link->out_fds, &link->out_fd_capacity, sizeof *link->out_fds);
    link->out_fds[link->out_fd_count++] = (struct od_link_fd){offset, fd};
}

size_t od_link_begin(struct od_link *link, enum od_kind kind, int fd)
{
    OD_ASSERT(kind != OD_KIND_NONE);
    OD_ASSERT(kind < OD_KIND_COUNT);
    od_link_check(link);
    size_t mark = link->out.size;
    od_bytes_put_u32(&link->out, 0);
    od_bytes_put_u16(&link->out, (uint16_t)kind);
    od_bytes_put_u16(&link->out, fd >= 0);
    if (fd >= 0 && link->is_gone)
        close(fd);
    else if (fd >= 0)
        add_out_fd(link, mark, fd);
    return mark;
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

// What can leave in one system call: up to the next message with a descriptor of its own.
static size_t piece_bytes(const struct od_link *link, const struct od_link_fd *riding)
{
    size_t next = link->out_fd_first + (riding == NULL ? 0 : 1);
    size_t end = next < link->out_fd_count ? link->out_fds[next].offset : link->out.size;
    OD_ASSERT(end >= link->sent);
    return end - link->sent;
}

// The descriptor whose message begins where sending goes on, or NULL.
static const struct od_link_fd *riding_fd(const struct od_link *link)
{
    if (link->out_fd_first == link->out_fd_count)
        return NULL;
    const struct od_link_fd *first = &link->out_fds[link->out_fd_first];
    return first->offset == link->sent ? first : NULL;
}

static ssize_t send_piece(struct od_link *link)
{
    const struct od_link_fd *riding = riding_fd(link);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec piece = {link->out.at + link->sent, piece_bytes(link, riding)};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (riding != NULL) {
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.align), &riding->fd, sizeof(int));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
    }
    ssize_t count = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0 && riding != NULL) {
        close(riding->fd);
        link->out_fd_first++;
    }
    return count;
}

static void forget_sent(struct od_link *link)
{
    OD_ASSERT(link->sent <= link->out.size);
    od_bytes_drop_front(&link->out, link->sent);
    size_t left = link->out_fd_count - link->out_fd_first;
    for (size_t i = 0; i < left; i++) {
        link->out_fds[i] = link->out_fds[link->out_fd_first + i];
        link->out_fds[i].offset -= link->sent;
    }
    link->sent = link->out_fd_first = 0;
    link->out_fd_count = left;
    if (link->out.size == 0 && link->out.capacity > idle_bytes_max)
        od_bytes_deinit(&link->out);
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
    if (link->leaves != NULL && link->sent < link->out.size)
        link->leaves(link);
    ssize_t count = 0;
    while (link->sent < link->out.size) {
        count = send_piece(link);
        if (count > 0)
            link->sent += (size_t)count;
        else if (errno != EINTR)
            break;
    }
    bool done = link->sent == link->out.size;
    if (!done && !may_retry(errno)) {
        // The other side is gone. No event is told from here: the reader tells the end, when it has
        // read what the other side said last.
        link->sent = link->out.size;
        close_out_fds(link);
        shutdown(link->fd, SHUT_RDWR);
        done = true;
    }
    bool is_worth_moving = link->sent >= compact_bytes && link->sent >= link->out.size / 2;
    if (done || is_worth_moving)
        forget_sent(link);
    watch(link, reading(link) | (done ? 0 : UV_WRITABLE));
}

void od_link_flush_all(struct od_link *link)
{
    od_link_flush(link);
    while (!link->is_gone && link->sent < link->out.size) {
        struct pollfd room = {.fd = link->fd, .events = POLLOUT};
        poll(&room, 1, -1);
        od_link_flush(link);
    }
}

size_t od_link_waiting_bytes(const struct od_link *link)
{
    od_link_check(link);
    return link->out.size - link->sent;
}
