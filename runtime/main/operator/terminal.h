// The terminal of `open-do dev`: single keys of the person who sits at it.
//
// A terminal hands over whole lines and shows what is typed; for keys both must be off, and on
// again at the end, however that comes: also a panic and the second Ctrl-C give the terminal back
// as it was. Ctrl-C and Ctrl-Z stay signals. Whoever closes the terminal wants the program to end.
//
// Process: main, and one terminal only. Owner: embedded; od_terminal_close, then the loop must run
// once more. Zeroed memory is a closed one.

#ifndef OD_MAIN_OPERATOR_TERMINAL_H
#define OD_MAIN_OPERATOR_TERMINAL_H

#include <stdbool.h>
#include <uv.h>

struct od_keystroke {
    char key;
    const char *name;
    void (*pressed)(void *owner); // NULL for "clear" and "help", which are the terminal's own.
};

struct od_terminal {
    const struct od_keystroke *keys; // One of them is 'q'.
    size_t key_count;
    void *owner;
    bool is_open;
    int fd;
    uv_poll_t poll;
    uv_signal_t back; // After Ctrl-Z the shell has set the terminal to its own liking.
    char help[128];
};

// False when standard input is no terminal, or that of somebody else at the moment.
bool od_terminal_open(struct od_terminal *terminal, uv_loop_t *loop,
                      const struct od_keystroke *keys, size_t key_count, void *owner);
void od_terminal_close(struct od_terminal *terminal);

const char *od_terminal_help(const struct od_terminal *terminal); // "r reload   q quit"

// As it was before od_terminal_open; for who ends the process. Allowed in a signal handler.
void od_terminal_restore(void);

#endif
