// Processes in which TLS ends that get no more connections: each lives until its last one ends.
//
// A session of TLS cannot move to another process. So when a program takes over that is another
// one, or there is another OpenSSL, the process of the program before keeps what it has, and a new
// one gets those who come. It is told by a signal, which all programs know or ignore: messages may
// mean something else to it. Should there be too many, the oldest is ended.
//
// Process: main. Owner: embedded; od_tls_retired_close, then the loop must run once more.

#ifndef OD_MAIN_PROCESSES_TLS_RETIRED_H
#define OD_MAIN_PROCESSES_TLS_RETIRED_H

#include "base/list.h"
#include "link/link.h"
#include "link/loop.h"
#include "main/processes/process.h"

#define OD_TLS_RETIRE SIGUSR2

struct od_tls_retired {
    struct od_loop *loop;
    struct od_list all; // The oldest first.
    size_t count;
    uv_signal_t child_signal;
};

void od_tls_retired_init(struct od_tls_retired *retired, struct od_loop *loop);

// Takes [link_fd]. What cannot be watched is ended.
void od_tls_retired_add(struct od_tls_retired *retired, int number, int link_fd);

void od_tls_retired_each(const struct od_tls_retired *retired,
                         void (*visit)(void *owner, int number, int link_fd), void *owner);

// What is under way may end, for a moment; this waits for it.
void od_tls_retired_close(struct od_tls_retired *retired);

// Whether the process is of this program, and of the libraries that lie on the disk now.
bool od_tls_retired_is_like_us(int number);

#endif
