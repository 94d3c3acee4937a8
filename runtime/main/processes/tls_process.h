// The process in which TLS ends (tls/), as main sees it: it is kept alive, and given connections.
//
// Main accepts, and makes a pair of sockets: the client's connection and one end go to that
// process, the other end takes the place of the connection for all that follows. Should the process
// end, its connections end with it, and another one is started. It outlives an upgrade: the next
// program has its number and its link (main/takeover.h). If that is another program, it starts a
// process of its own, and the one before is retired (tls_retired.h).
//
// Process: main. Owner: embedded; od_tls_process_close, then the loop must run once more.

#ifndef OD_MAIN_PROCESSES_TLS_PROCESS_H
#define OD_MAIN_PROCESSES_TLS_PROCESS_H

#include "base/cursor.h"
#include "base/timers.h"
#include "link/link.h"
#include "link/loop.h"
#include "main/processes/process.h"
#include "main/processes/tls_retired.h"

struct od_tls_process {
    struct od_loop *loop;
    const struct od_options *options;
    // It can serve, for the first time; or it cannot, for want of certificates.
    void (*ready)(void *owner);
    void (*failed)(void *owner, od_slice why);
    void *owner;
    struct od_process process;
    struct od_link link;
    bool has_link;
    bool is_ready;
    bool was_ready;
    bool has_failed; // For want of certificates, the last time it was started.
    bool is_closing;
    struct od_tls_retired retired;
    struct od_timer restart_timer;
    uv_signal_t child_signal;
};

void od_tls_process_init(struct od_tls_process *tls, struct od_loop *loop,
                         const struct od_options *options, void (*ready)(void *owner),
                         void (*failed)(void *owner, od_slice why), void *owner);

OD_MUST_CHECK bool od_tls_process_start(struct od_tls_process *tls, struct od_error *err);

// Takes [fd], a client's connection. The end of the pair that stands for it; -1: it is closed.
int od_tls_process_wrap(struct od_tls_process *tls, int fd);

void od_tls_process_reload(struct od_tls_process *tls); // The certificates.

// What is under way may end, for a moment; this waits for it. All ends of pairs are closed.
void od_tls_process_close(struct od_tls_process *tls);

// For the next program: the number of the process and the link to it, which is -1 when there is
// none; and the other way round.
int od_tls_process_number(const struct od_tls_process *tls);
int od_tls_process_fd(const struct od_tls_process *tls);
// One that is not like us is retired, and it is as if there were none.
OD_MUST_CHECK bool od_tls_process_adopt(struct od_tls_process *tls, int number, int link_fd,
                                        struct od_error *err);

#endif
