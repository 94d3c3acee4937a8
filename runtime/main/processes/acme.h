// Certificates that are had without anybody's doing: --tls-auto DOMAIN (ACME, RFC 8555).
//
// uacme does it, a program of the system: it has an account at an authority, shows that we answer
// under the name (challenge.h), and writes key and certificate into the directory of the data, from
// where the process for TLS takes them. It is run for one name after the other, twice a day; it
// ends at once while a certificate is good for thirty days more. When it fails, whatever for, that
// is logged with its words, what is served goes on being served, and it is tried again, later and
// later: authorities refuse who asks too often.
//
//   IDLE ──time──► RUNNING (one name) ──ended or late──► the next name, or IDLE
//
// Process: main. Owner: embedded; od_acme_close, then the loop must run once more.

#ifndef OD_MAIN_PROCESSES_ACME_H
#define OD_MAIN_PROCESSES_ACME_H

#include "base/timers.h"
#include "link/loop.h"
#include "link/options.h"
#include "main/processes/process.h"

struct od_acme {
    struct od_loop *loop;
    const struct od_options *options;
    void (*renewed)(void *owner); // There are other files.
    void *owner;
    struct od_process process; // RUNNING: for the name [index].
    size_t index;
    int said_fd; // What it writes.
    bool is_late;
    bool has_failed; // Some name, in this round.
    bool is_closing;
    unsigned failures; // Rounds in a row.
    struct od_timer timer;
    uv_signal_t child_signal;
};

void od_acme_init(struct od_acme *acme, struct od_loop *loop, const struct od_options *options,
                  void (*renewed)(void *owner), void *owner);
void od_acme_start(struct od_acme *acme); // From now on clients are answered. Also after a rest.

// Somebody has mended what was in the way, perhaps: what has failed is tried at once.
void od_acme_hurry(struct od_acme *acme);

// Another program takes over: nothing runs, and nothing will, unless it is started again.
void od_acme_rest(struct od_acme *acme);
void od_acme_close(struct od_acme *acme);

// The whole life of the process for the name [index]: it becomes uacme, which can write nowhere but
// into the directory of certificates. What it says goes to [said_fd]. Returns an exit code when
// that fails.
int od_acme_main(const struct od_options *options, uint32_t index, int said_fd);

#endif
