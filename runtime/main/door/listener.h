// The sockets on which the program listens: one for each address that --listen means.
//
// We bind them ourselves: a name can mean several addresses ("localhost"), ":8787" means every one
// of both families, and IPv6 sockets take IPv6 only, so that no address is bound behind somebody's
// back.
//
// Process: main. Owner: od_listeners_close.

#ifndef OD_MAIN_DOOR_LISTENER_H
#define OD_MAIN_DOOR_LISTENER_H

#include <stddef.h>

#include "link/options.h"

#define OD_LISTENERS_MAX 8

struct od_listeners {
    int fds[OD_LISTENERS_MAX];
    size_t count;
    uint16_t port;     // The one that was chosen, when 0 was asked for;
    uint16_t tls_port; // and of those that joined.
};

// Binds and listens at what [option] says; clients can connect from now on and wait in the backlog.
// OD_EXIT_IN_USE or OD_EXIT_WRONG: [err] says why, and nothing is left open.
OD_MUST_CHECK enum od_exit od_listeners_open(struct od_listeners *listeners,
                                             const struct od_address *address, const char *option,
                                             struct od_error *err);
// Takes all of [others], where TLS is spoken. False: there are too many, and they are closed.
OD_MUST_CHECK bool od_listeners_join(struct od_listeners *listeners, struct od_listeners *others,
                                     struct od_error *err);
void od_listeners_close(struct od_listeners *listeners);

// For one of a listener's, or a connection, of a program before, which need not have done it:
// TCP_NODELAY. Linux copies it from the listener to what it accepts.
void od_listener_prepare(int fd);

// The first packet of a connection is dropped from now on, and its client sends it again a second
// later; who has been answered comes through. Without it who connects between the last accept and
// the close is reset, after he was told that he has a connection.
void od_listener_let_nobody_begin(int fd);

// "http://127.0.0.1:8787": where a person can try it.
void od_listeners_url(const struct od_listeners *listeners, const struct od_address *address,
                      char *text, size_t size);

#endif
