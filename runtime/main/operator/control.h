// The control socket: where `open-do status`, `open-do reload` and whoever may read the data
// directory talk to the running program.
//
// It is DATA/control.sock, a stream, mode 0600. A conversation is one line ("status json") and the
// answer, which begins with a line "ok" or "failed" and ends with the connection. So a person can
// hold it by hand, with `socat - UNIX-CONNECT:control.sock`. A command that needs more than a line
// can say is followed by bytes, whose number is the line's second word: "call 123".
//
// A question is answered when its answer is known, which may be turns later; until then it belongs
// to whom it was given. A person who does not wait for it is an ordinary outcome. How many can ask
// at once, how much they can say and how long they may take has a limit (limits.h).
//
// Process: main. Owner: embedded; od_control_close, then the loop must run once more. All
// questions must be answered before.

#ifndef OD_MAIN_OPERATOR_CONTROL_H
#define OD_MAIN_OPERATOR_CONTROL_H

#include "base/list.h"
#include "base/slice.h"
#include "link/loop.h"

#define OD_CONTROL_NAME "control.sock"

// Who asks, for the log: "uid 1000, pid 4242".
#define OD_CONTROL_ASKER_BYTES 48

// Somebody who waits for an answer, at this socket or elsewhere (main/operator/admin_listener.h).
// Answered exactly once.
struct od_control_question {
    void (*answer)(struct od_control_question *question, bool ok, od_slice text);
    void (*describe_asker)(struct od_control_question *question, char text[OD_CONTROL_ASKER_BYTES]);
};

struct od_control_command {
    const char *name;
    // [rest] is what follows the name on the line, borrowed.
    void (*ask)(void *owner, struct od_control_question *question, od_slice rest);
    bool has_body; // [rest] is the bytes behind the line.
};

// NULL: there is none.
const struct od_control_command *od_control_find(const struct od_control_command *commands,
                                                 od_slice name);

struct od_control {
    struct od_loop *loop;
    const struct od_control_command *commands; // Ends with a name NULL.
    void *owner;
    int directory_fd;
    uv_pipe_t listener;
    bool is_open;
    struct od_list conversations; // Connections, asked or not.
    uint32_t conversation_count;
};

// The data directory must be ours already: a socket that lies there is one of a program that died.
// [fd] is one that listens there already, from the program before; below 0: there is none. On false
// the program can do without; nothing is left open.
OD_MUST_CHECK bool od_control_open(struct od_control *control, struct od_loop *loop,
                                   const char *data_dir, int fd,
                                   const struct od_control_command *commands, void *owner,
                                   struct od_error *err);
void od_control_close(struct od_control *control); // Also one that is not open.

void od_control_asker(struct od_control_question *question, char text[OD_CONTROL_ASKER_BYTES]);

// For the next program: where it listens, -1: it is not open; and the connection of who asks, to be
// answered there, -1: it has gone. The second belongs to the caller.
int od_control_fd(const struct od_control *control);
bool od_control_is_here(const struct od_control_question *question); // Asked at the socket.
int od_control_duplicate_fd(struct od_control_question *question);
void od_control_answer_at(int fd, bool ok, od_slice text); // Takes [fd].

void od_control_answer(struct od_control_question *question, bool ok, od_slice text);

// "/proc/self/fd/7/control.sock": the address of the socket in a directory, however long its path.
void od_control_address(int directory_fd, char *path, size_t size);

#endif
