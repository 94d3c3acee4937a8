// The admin listener, as main sees it: a door of its own, and the process behind it, which speaks
// HTTP (runtime/admin/admin.h).
//
// That process runs no code of scripts and owns nothing: what it is asked it asks main, in the
// words of the control socket (control.h). So main parses nothing of what people send but a head,
// and whatever happens to that process, another one is started and nobody else notices. Connections
// that come meanwhile wait.
//
// Process: main. Owner: embedded in the server; od_admin_listener_close, then the loop must run
// once more. Questions that are still open may be answered until then.

#ifndef OD_MAIN_OPERATOR_ADMIN_LISTENER_H
#define OD_MAIN_OPERATOR_ADMIN_LISTENER_H

#include "link/link.h"
#include "main/door/door.h"
#include "main/operator/admin_token.h"
#include "main/operator/operator.h"
#include "main/processes/process.h"

struct od_admin_listener {
    struct od_loop *loop;
    const struct od_options *options;
    struct od_operator *operator;
    struct od_door door;
    struct od_process process;
    struct od_link link;
    bool is_open;
    bool has_link;
    bool is_closing;
    uint64_t life; // Number of the current or last process.
    uint32_t question_count;
    uv_signal_t child_signal;
    struct od_timer timer; // When the next process starts.
    od_time_ms started_ms;
    od_time_ms restart_ms; // The next back-off.
    char token[OD_ADMIN_TOKEN_BYTES + 1];
    char read_token[OD_ADMIN_TOKEN_BYTES + 1];
    char url[OD_HOST_BYTES_MAX + 32]; // Empty: nobody is served.
};

void od_admin_listener_init(struct od_admin_listener *admin, struct od_loop *loop,
                            const struct od_options *options, struct od_operator *operator);

// Does nothing unless options ask for it. Its door may have listeners already, of the program
// before. One that nobody has asked for is done without when it cannot be had.
OD_MUST_CHECK enum od_exit od_admin_listener_open(struct od_admin_listener *admin,
                                                  struct od_error *err);

// Another program takes over: the process ends, and is waited for. It is started again, if that
// does not come to be.
void od_admin_listener_rest(struct od_admin_listener *admin);
void od_admin_listener_return(struct od_admin_listener *admin);

void od_admin_listener_turn(struct od_admin_listener *admin); // Once a turn, at its end.
void od_admin_listener_close(struct od_admin_listener *admin);
void od_admin_listener_deinit(struct od_admin_listener *admin); // After it.

#endif
