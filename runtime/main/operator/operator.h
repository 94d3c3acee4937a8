// The operator: the person or script that runs the program, and the three ways to tell it
// something: signals (signals.h), keys at a terminal (terminal.h), questions to the control socket
// (control.h). Whatever the way, a request means the same and ends in the same event.
//
// Process: main. Owner: embedded; od_operator_close and _hang_up, then the loop must run once more.

#ifndef OD_MAIN_OPERATOR_OPERATOR_H
#define OD_MAIN_OPERATOR_OPERATOR_H

#include "main/operator/banner.h"
#include "main/operator/control.h"
#include "main/operator/signals.h"
#include "main/operator/terminal.h"

struct od_reload_asker;

struct od_operator_events {
    void (*stop)(void *owner); // In peace.
    void (*kill)(void *owner); // At once; does not return.

    // The script is to be read again; [asker] is told what came of it, NULL: nobody waits.
    void (*reload)(void *owner, struct od_reload_asker *asker);

    // Questions of the control socket, to be answered with od_control_answer, now or later. [rest]:
    // the words behind `status` or `cluster`.
    void (*status)(void *owner, struct od_control_question *question, od_slice rest);
    void (*cluster)(void *owner, struct od_control_question *question, od_slice rest);
    void (*metrics)(void *owner, struct od_control_question *question);
    void (*settle)(void *owner, struct od_control_question *question); // Of `open-do test`.

    // Another program is to take over: which, or empty: the file this one was started from.
    // [question] NULL: nobody waits.
    void (*upgrade)(void *owner, struct od_control_question *question, od_slice program);

    // A worker is to be replaced: which, in digits.
    void (*restart)(void *owner, struct od_control_question *question, od_slice number);

    // For an object, or about those of a worker (inquiry.h).
    void (*call)(void *owner, struct od_control_question *question, od_slice call);
    void (*list)(void *owner, struct od_control_question *question, od_slice body);

    // Lines of the log behind the one with the number [after] (log_book.h).
    void (*log)(void *owner, struct od_control_question *question, od_slice after);
};

struct od_operator {
    struct od_signals signals;
    struct od_control control;
    struct od_terminal terminal;
    struct od_loop *loop;
    const struct od_operator_events *events;
    void *owner;
};

// Signals are heard from here on,
void od_operator_open(struct od_operator *who, struct od_loop *loop,
                      const struct od_operator_events *events, void *owner);

// questions from here on, in [data_dir], at [fd] if that is one. One can serve without them.
void od_operator_listen(struct od_operator *who, const char *data_dir, int fd);
int od_operator_fd(const struct od_operator *who); // Where they come in; -1: nowhere.

// The same question from elsewhere than the control socket: [name] and what would follow it there.
void od_operator_ask(struct od_operator *who, struct od_control_question *question, od_slice name,
                     od_slice rest);

// `open-do dev` serves: prints the banner, with the keys that are heard from here on.
void od_operator_greet(struct od_operator *who, struct od_banner banner);

void od_operator_close(struct od_operator *who);   // No more signals and keys.
void od_operator_hang_up(struct od_operator *who); // Ends the questions; what is known is answered.

#endif
