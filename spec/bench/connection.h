// A non-blocking TCP socket in an epoll loop: one read and one write a wakeup.
//
// The bytes of a wakeup live in buffers that the whole program shares. A connection itself holds
// only what is left over: the beginning of a frame whose end has not come, and what the kernel did
// not take. So an idle connection costs this struct and nothing else, and the usual message is
// never copied from one buffer to another.
//
// Owner: embedded as first member of what the epoll pointer stands for.
#ifndef BENCH_CONNECTION_H
#define BENCH_CONNECTION_H

#include "bytes.h"

#include <stdbool.h>
#include <sys/types.h>

// What lies between the bytes and the socket, if anything does: as recv and send, with errno.
struct carrier {
    ssize_t (*receive)(void *carried, void *to, size_t size);
    ssize_t (*send)(void *carried, const void *from, size_t size);
    void (*end)(void *carried);
};

struct connection {
    int fd;
    const struct carrier *carrier; // NULL: none.
    void *carried;
    struct bytes rest;
    struct bytes unsent;
};

// Takes over [fd], makes it non-blocking and adds it to [epoll].
bool connection_init(struct connection *connection, int fd, int epoll);
void connection_deinit(struct connection *connection);

// Fills [in] with what an earlier wakeup left over and with one read. False: the peer is gone.
bool connection_read(struct connection *connection, struct bytes *in);

// Keeps what of [in] begins at [from], for the next connection_read().
void connection_keep(struct connection *connection, const struct bytes *in, size_t from);

// Sends [out] with one call and empties it. What does not fit waits for connection_flush().
// False: the peer is gone.
bool connection_write(struct connection *connection, struct bytes *out, int epoll);

// For EPOLLOUT. False: the peer is gone.
bool connection_flush(struct connection *connection, int epoll);

#endif
