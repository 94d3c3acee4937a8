// The operator: the person or script that runs the program, and the three ways to tell it
// something: signals (control.h), keys at a terminal (terminal.h), questions to the control socket
// (control_socket.h). Whatever the way, a wish means the same and ends in the same function.
//
// Process: main. Owner: embedded in the server; od_operator_close and _hang_up, then the loop must
// run once more.

#ifndef OD_MAIN_OPERATOR_H
#define OD_MAIN_OPERATOR_H

#include "main/control.h"
#include "main/control_socket.h"
#include "main/terminal.h"

struct od_server;

struct od_operator {
    struct od_control control;
    struct od_control_socket socket;
    struct od_terminal terminal;
};

void od_operator_open(struct od_server *server);   // Signals are heard from here on,
void od_operator_listen(struct od_server *server); // questions from here on, in the data directory.
void od_operator_greet(struct od_server *server);  // `open-do dev` serves: its banner, and keys.

// The files that the version which serves is made of; `open-do dev` tells news of them.
void od_operator_watching(struct od_server *server, od_slice files);

void od_operator_close(struct od_server *server); // No more signals and keys.
void od_operator_hang_up(
    struct od_server *server); // Ends the questions; what is known is answered.

#endif
