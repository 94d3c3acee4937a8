// The admin process: it shows the running program to people and to what watches it, over HTTP.
//
// It runs no code of scripts, opens nothing and owns nothing. Connections come from main, which has
// the listener; what is to be known or done is asked of main in the words of the control socket
// (main/operator/control.h), and answered when the answer is there. What the pages and commands are
// is the business of the site, which is Lua of ours (bindings/admin_site.h); here is how bytes get
// to it.
//
// News from the net and from main wait in a queue until the site takes them, since they come inside
// callbacks (net/events.h). All of it is bounded: connections, questions, what one client may send
// and what may wait for it (admin/limits.h).
//
// Process: of its own. Owner of all: od_admin_main.

#ifndef OD_ADMIN_ADMIN_H
#define OD_ADMIN_ADMIN_H

#include "link/link.h"
#include "link/options.h"
#include "net/net.h"

struct od_admin_process;

// Slices are borrowed for the call.
struct od_admin_site {
    void (*free)(struct od_admin_site *site);

    // Who may ask here; before anything else, once.
    void (*tokens)(struct od_admin_site *site, od_slice token, od_slice read_token);

    // A whole request (link/request.h), to be answered or upgraded, now or later.
    void (*request)(struct od_admin_site *site, uint64_t exchange, od_slice request);

    // Of a WebSocket: a message; no more will come, and it is gone when this returns.
    void (*message)(struct od_admin_site *site, uint64_t websocket, od_slice text);
    void (*closed)(struct od_admin_site *site, uint64_t websocket);

    // What came of a question.
    void (*answer)(struct od_admin_site *site, uint64_t question, bool ok, od_slice answer);

    void (*tick)(struct od_admin_site *site); // Each OD_ADMIN_TICK_MS.
};

// NULL: [err] says why.
typedef struct od_admin_site *od_admin_site_new(struct od_admin_process *process,
                                                const struct od_options *options,
                                                struct od_error *err);

int od_admin_main(const struct od_options *options, od_admin_site_new *new_site, int link_fd);

// What the site does. Exchanges and WebSockets that have gone are no mistake: then nothing happens.

// [response] is one (link/response.h), not of status 101.
void od_admin_answer(struct od_admin_process *process, uint64_t exchange, od_slice response);

// Makes it a WebSocket of the same number. False: it did not ask for one, and still waits.
OD_MUST_CHECK bool od_admin_upgrade(struct od_admin_process *process, uint64_t exchange);

// False: too much waits for it already, because it does not read.
OD_MUST_CHECK bool od_admin_send(struct od_admin_process *process, uint64_t websocket,
                                 od_slice text);
void od_admin_close(struct od_admin_process *process, uint64_t websocket, uint16_t code,
                    od_slice reason);

// Asks main, for [who]; returns the number of the question, or 0: there are too many.
uint64_t od_admin_ask(struct od_admin_process *process, od_slice name, od_slice who, od_slice body);

#endif
