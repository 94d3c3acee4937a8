#define _GNU_SOURCE
#include "user.h"

#include "crowd.h"
#include "frame.h"
#include "tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// The key of RFC 6455, section 1.3, and the answer that belongs to it. One key for everybody is
// enough to see that the server computes it, and spares this program the hash.
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

// How long the kernel may try to connect: loopback answers at once or the server is stuck.
#define CONNECT_SECONDS 5

// How much of a numbered message is its number.
#define NUMBER_DIGITS 12

static void append_request(struct bytes *out, const struct options *options, long object)
{
    char number[24];
    snprintf(number, sizeof number, "%ld", object);
    const char *place = strstr(options->path, "%d");
    bytes_append_text(out, "GET ");
    if (place) {
        bytes_append(out, options->path, (size_t)(place - options->path));
        bytes_append_text(out, number);
    }
    bytes_append_text(out, place ? place + 2 : options->path);
    bytes_append_text(out, " HTTP/1.1\r\nHost: ");
    bytes_append_text(out, options->host);
    bytes_append_text(out, ":");
    bytes_append_text(out, options->port);
    bytes_append_text(out, "\r\n");
}

static void append_upgrade(struct bytes *out, const struct options *options, long object)
{
    append_request(out, options, object);
    bytes_append_text(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n");
}

static bool listens(const struct user *user, const struct crowd *crowd)
{
    return crowd->mode->listens && user->number > 0;
}

// A port that was used is not free for a minute, so who opens many goes on to another address of
// its own before it has none left.
static void take_address(int fd)
{
    enum {
        dials_an_address = 8192,
        first_address = 0x7f010001, // 127.1.0.1
    };
    static uint32_t dialled;
    struct sockaddr_in own = {.sin_family = AF_INET};
    own.sin_addr.s_addr = htonl(first_address + dialled++ / dials_an_address);
    int yes = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    (void)bind(fd, (struct sockaddr *)&own, sizeof own);
}

// Connects while still blocking, which on loopback is instant and saves a state.
static int dial(const struct crowd *crowd)
{
    const struct options *options = crowd->options;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)strtoul(options->port, NULL, 10));
    if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = CONNECT_SECONDS};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (fd >= 0 && crowd->mode->comes_back)
        take_address(fd);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

bool user_open(struct user *user, struct crowd *crowd)
{
    user->dialled_ns = crowd->now_ns;
    int fd = dial(crowd);
    void *tls = fd >= 0 && crowd->options->is_secure ? tls_connect(fd) : NULL;
    if (fd < 0 || !connection_init(&user->connection, fd, crowd->epoll))
        return false;
    if (crowd->options->is_secure && !tls)
        return false;
    if (tls)
        tls_carry(&user->connection, tls);
    if (!crowd->mode->upgrades) {
        user->state = USER_OPEN;
        crowd_user_ready(crowd, user);
        return true;
    }
    user->state = USER_SHAKING;
    if (listens(user, crowd)) {
        append_request(&crowd->out, crowd->options, user->number % crowd->options->objects);
        bytes_append_text(&crowd->out, "\r\n");
    } else {
        append_upgrade(&crowd->out, crowd->options, user->number % crowd->options->objects);
    }
    return connection_write(&user->connection, &crowd->out, crowd->epoll);
}

static void stamp(struct user *user, const struct crowd *crowd)
{
    user->sent_ns[user->sent++ % (uint64_t)crowd->options->depth] = crowd->now_ns;
}

int64_t user_take_sent_ns(struct user *user, const struct crowd *crowd)
{
    return user->sent_ns[user->received++ % (uint64_t)crowd->options->depth];
}

static void append_message(struct bytes *out, struct crowd *crowd)
{
    static uint64_t number;
    if (!crowd->mode->numbered) {
        bytes_append(out, crowd->message.data, crowd->message.length);
        return;
    }
    uint64_t left = number++;
    for (size_t i = 0; i < crowd->text.length && i < NUMBER_DIGITS; i++, left /= 10)
        crowd->text.data[i] = (uint8_t)('0' + left % 10);
    frame_append(out, FRAME_TEXT, crowd->text.data, crowd->text.length, true);
}

void user_queue(struct user *user, struct crowd *crowd)
{
    append_message(&crowd->out, crowd);
    stamp(user, crowd);
}

bool user_post(struct user *user, struct crowd *crowd, long count)
{
    for (long i = 0; i < count; i++) {
        append_message(&crowd->posted, crowd);
        stamp(user, crowd);
    }
    return connection_write(&user->connection, &crowd->posted, crowd->epoll);
}

void user_request(struct user *user, struct crowd *crowd, long object)
{
    append_request(&crowd->out, crowd->options, object);
    bytes_append_text(&crowd->out, "\r\n");
    stamp(user, crowd);
}

// Finds the end of the head that [data] begins with. 0: not whole yet.
static size_t head_length(const uint8_t *data, size_t length)
{
    const uint8_t *end = memmem(data, length, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

static bool has_status(const uint8_t *data, size_t length, const char *status)
{
    return length > 12 && memcmp(data, "HTTP/1.1 ", 9) == 0 && memcmp(data + 9, status, 3) == 0;
}

// Each take_ function reads one thing that [data] begins with and says how long it was: 0 when it
// is not whole yet, -1 when it is not what the protocol or the mode expects.
static ssize_t take_handshake(struct user *user, struct crowd *crowd, const uint8_t *data,
                              size_t length)
{
    size_t head = head_length(data, length);
    if (head == 0)
        return 0;
    bool is_right = listens(user, crowd)
                        ? has_status(data, head, "200")
                        : has_status(data, head, "101") &&
                              memmem(data, head, ACCEPT, sizeof ACCEPT - 1) != NULL;
    if (!is_right)
        return -1;
    user->state = USER_OPEN;
    crowd_user_ready(crowd, user);
    return (ssize_t)head;
}

static bool serve_frame(struct user *user, struct crowd *crowd, const struct frame *frame)
{
    if (frame->opcode == FRAME_PING)
        frame_append(&crowd->out, FRAME_PONG, frame->payload, frame->length, true);
    if (frame->opcode == FRAME_PING || frame->opcode == FRAME_PONG)
        return true;
    if (frame->opcode == FRAME_CLOSE || !frame->final)
        return false;
    return crowd->mode->answer(crowd, user, frame->payload, frame->length);
}

static ssize_t take_frame(struct user *user, struct crowd *crowd, uint8_t *data, size_t length)
{
    struct frame frame;
    enum frame_outcome outcome = frame_read(data, length, &frame);
    if (outcome != FRAME_WHOLE)
        return outcome == FRAME_PARTIAL ? 0 : -1;
    return serve_frame(user, crowd, &frame) ? (ssize_t)frame.wire_length : -1;
}

// An event whose data is one line and all it has, or a comment.
static ssize_t take_event(struct user *user, struct crowd *crowd, const uint8_t *data,
                          size_t length)
{
    const uint8_t *end = memmem(data, length, "\n\n", 2);
    if (!end)
        return 0;
    ssize_t size = end - data + 2;
    if (data[0] == ':')
        return size;
    if (size < 7 || memcmp(data, "data:", 5) != 0)
        return -1;
    return crowd->mode->answer(crowd, user, data + 5, (size_t)size - 7) ? size : -1;
}

// The Content-Length of a response head, or -1: every server of this folder sends one.
static ssize_t body_length(const uint8_t *head, size_t length)
{
    static const char name[] = "\r\ncontent-length:";
    for (size_t at = 0; at + sizeof name < length; at++)
        if (strncasecmp((const char *)head + at, name, sizeof name - 1) == 0)
            return strtol((const char *)head + at + sizeof name - 1, NULL, 10);
    return -1;
}

// Passes over what has come of a body.
static ssize_t take_body(struct user *user, struct crowd *crowd, const uint8_t *data, size_t length)
{
    size_t size = length < user->body_left ? length : user->body_left;
    user->body_left -= size;
    if (user->body_left > 0)
        return (ssize_t)size;
    return crowd->mode->answer(crowd, user, data, user->body) ? (ssize_t)size : -1;
}

static ssize_t take_response(struct user *user, struct crowd *crowd, const uint8_t *data,
                             size_t length)
{
    size_t head = head_length(data, length);
    if (head == 0)
        return 0;
    ssize_t body = body_length(data, head);
    if (body < 0 || !has_status(data, head, "200"))
        return -1;
    user->body = user->body_left = (size_t)body;
    ssize_t taken = take_body(user, crowd, data + head, length - head);
    return taken < 0 ? -1 : (ssize_t)head + taken;
}

static ssize_t take_one(struct user *user, struct crowd *crowd, uint8_t *data, size_t length)
{
    if (user->state == USER_SHAKING)
        return take_handshake(user, crowd, data, length);
    if (listens(user, crowd))
        return take_event(user, crowd, data, length);
    if (crowd->mode->upgrades)
        return take_frame(user, crowd, data, length);
    if (user->body_left > 0)
        return take_body(user, crowd, data, length);
    return take_response(user, crowd, data, length);
}

static bool take_all(struct user *user, struct crowd *crowd)
{
    struct bytes *in = &crowd->in;
    size_t at = 0;
    ssize_t taken = 1;
    while (taken > 0 && at < in->length) {
        taken = take_one(user, crowd, in->data + at, in->length - at);
        at += taken > 0 ? (size_t)taken : 0;
    }
    connection_keep(&user->connection, in, at);
    return taken >= 0;
}

bool user_wake(struct user *user, struct crowd *crowd, uint32_t events)
{
    if ((events & EPOLLOUT) && !connection_flush(&user->connection, crowd->epoll))
        return false;
    if (!(events & ~(uint32_t)EPOLLOUT))
        return true;
    if (!connection_read(&user->connection, &crowd->in))
        return false;
    crowd_read_clock(crowd);
    return take_all(user, crowd) && connection_write(&user->connection, &crowd->out, crowd->epoll);
}
