// A bare epoll WebSocket server: the limit that open-do is compared with.
//
// It does on the wire what the objects in objects/ do, and nothing else: no objects, no script, no
// storage, no limits on what a client may send or leave unread. One thread; a wakeup reads what is
// there and answers all complete frames of that read with one send. A path that begins with
// /broadcast joins the one room, any other is echoed; a request without upgrade is answered "ok".
//
//   bare PORT

#define _GNU_SOURCE
#include "connection.h"
#include "frame.h"
#include "handshake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_A_WAIT 256

enum role {
    ROLE_HTTP,
    ROLE_ECHO,
    ROLE_ROOM
};

struct client {
    struct connection connection; // First: epoll's pointer is both.
    enum role role;
    size_t seat; // In server.room, for ROLE_ROOM.
};

static struct {
    int epoll;
    int listener;
    struct bytes in;  // What the client being served sent.
    struct bytes out; // What it, or the room, is to get for it.
    struct client **room;
    size_t room_count;
    size_t room_capacity;
} server;

static void room_join(struct client *client)
{
    if (server.room_count == server.room_capacity) {
        server.room_capacity = server.room_capacity * 2 + 64;
        server.room = realloc(server.room, server.room_capacity * sizeof *server.room);
        if (!server.room)
            abort();
    }
    client->role = ROLE_ROOM;
    client->seat = server.room_count;
    server.room[server.room_count++] = client;
}

static void room_leave(struct client *client)
{
    struct client *last = server.room[--server.room_count];
    last->seat = client->seat;
    server.room[client->seat] = last;
}

static void client_free(struct client *client)
{
    if (client->role == ROLE_ROOM)
        room_leave(client);
    connection_deinit(&client->connection);
    free(client);
}

// A member that cannot be written to is only shut down: epoll reports it, and then it is freed. To
// free it here would pull a client out from under a later event of the same wait.
static void room_write(void)
{
    for (size_t i = 0; i < server.room_count; i++) {
        struct bytes same = server.out;
        if (!connection_write(&server.room[i]->connection, &same, server.epoll))
            shutdown(server.room[i]->connection.fd, SHUT_RDWR);
    }
    server.out.length = 0;
}

static bool client_answer(struct client *client)
{
    if (server.out.length == 0)
        return true;
    if (client->role == ROLE_ROOM)
        room_write();
    return connection_write(&client->connection, &server.out, server.epoll);
}

// Serves one request head. What follows an upgrade is frames, so the 101 leaves here, by itself.
static bool serve_head(struct client *client, const uint8_t *head, size_t length)
{
    static const char room_path[] = "GET /broadcast";
    if (!handshake_answer(&server.out, head, length)) {
        bytes_append_text(&server.out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        return true;
    }
    client->role = ROLE_ECHO;
    bool there = client_answer(client);
    if (strncmp((const char *)head, room_path, sizeof room_path - 1) == 0)
        room_join(client);
    return there;
}

// False: the client closes.
static bool serve_frame(const struct frame *frame)
{
    if (frame->opcode == FRAME_CLOSE)
        return false;
    unsigned opcode = frame->opcode == FRAME_PING ? FRAME_PONG : frame->opcode;
    if (frame->opcode != FRAME_PONG)
        frame_append(&server.out, opcode, frame->payload, frame->length, false);
    return true;
}

// Serves what [data] begins with and says in [used] how long that was; 0: it is not whole yet.
static bool serve_one(struct client *client, uint8_t *data, size_t length, size_t *used)
{
    *used = 0;
    if (client->role == ROLE_HTTP) {
        *used = handshake_head_length(data, length);
        return *used == 0 || serve_head(client, data, *used);
    }
    struct frame frame;
    enum frame_outcome outcome = frame_read(data, length, &frame);
    if (outcome != FRAME_WHOLE)
        return outcome == FRAME_PARTIAL;
    *used = frame.wire_length;
    return serve_frame(&frame);
}

static bool client_read(struct client *client)
{
    if (!connection_read(&client->connection, &server.in))
        return false;
    size_t at = 0;
    size_t used = 1;
    while (used > 0 && at < server.in.length) {
        if (!serve_one(client, server.in.data + at, server.in.length - at, &used))
            return false;
        at += used;
    }
    connection_keep(&client->connection, &server.in, at);
    return client_answer(client);
}

static void client_wake(struct client *client, uint32_t events)
{
    bool there = true;
    if (events & EPOLLOUT)
        there = connection_flush(&client->connection, server.epoll);
    if (there && (events & ~(uint32_t)EPOLLOUT))
        there = client_read(client);
    server.out.length = 0;
    if (!there)
        client_free(client);
}

static void accept_all(void)
{
    int fd;
    while ((fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        if (!client)
            abort();
        if (!connection_init(&client->connection, fd, server.epoll))
            client_free(client);
    }
}

static void server_turn(void)
{
    struct epoll_event events[EVENTS_A_WAIT];
    int count = epoll_wait(server.epoll, events, EVENTS_A_WAIT, -1);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            client_wake(events[i].data.ptr, events[i].events);
        else
            accept_all();
    }
}

static bool server_listen(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int yes = 1;
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    return bind(server.listener, (struct sockaddr *)&address, sizeof address) == 0 &&
           listen(server.listener, SOMAXCONN) == 0 &&
           epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &event) == 0;
}

int main(int count, char **arguments)
{
    long port = count == 2 ? strtol(arguments[1], NULL, 10) : 0;
    if (port < 1 || port > 65535) {
        fprintf(stderr, "usage: bare PORT\n");
        return 2;
    }
    if (!server_listen((uint16_t)port)) {
        perror("bare: listen");
        return 1;
    }
    for (;;)
        server_turn();
}
