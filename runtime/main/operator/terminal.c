#include "main/operator/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log_sink.h"

static struct termios before;
static volatile sig_atomic_t is_raw;

void od_terminal_restore(void)
{
    if (is_raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    is_raw = 0;
}

static void set_raw(void)
{
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    is_raw = 1;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void on_crash(int number)
{
    od_terminal_restore();
    raise(number); // Now with its usual meaning.
}

static void restore_on_crash(void)
{
    static const int numbers[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

// In the background even to set its mode would stop the process.
static bool is_ours(void)
{
    return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void say(const char *text)
{
    (void)od_log_sink_write(od_slice_of(text), 0); // A terminal that is gone shows no help.
}

static void show_help(const struct od_terminal *terminal)
{
    char line[sizeof terminal->help + 8];
    snprintf(line, sizeof line, "  %s\n", terminal->help);
    say(line);
}

static void press(struct od_terminal *terminal, char key)
{
    for (size_t i = 0; i < terminal->key_count; i++) {
        if (terminal->keys[i].key == key && terminal->keys[i].pressed != NULL)
            terminal->keys[i].pressed(terminal->owner);
    }
    if (key == 'c')
        say("\033[H\033[2J\033[3J");
    else if (key == 'h' || key == '?')
        show_help(terminal);
    else if (key == '\n' || key == '\r')
        say("\n"); // People set a mark between what was and what comes.
}

static void on_keys(uv_poll_t *poll, int status, int events)
{
    struct od_terminal *terminal = poll->data;
    OD_ASSERT(terminal->is_open);
    char keys[16];
    (void)events;
    ssize_t count = status < 0 ? 0 : read(terminal->fd, keys, sizeof keys);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        uv_poll_stop(poll);
        press(terminal, 'q');
    }
    for (ssize_t i = 0; i < count; i++)
        press(terminal, keys[i]);
}

static void on_back(uv_signal_t *handle, int number)
{
    (void)handle, (void)number;
    if (is_ours())
        set_raw();
}

static void write_help(struct od_terminal *terminal)
{
    size_t used = 0;
    for (size_t i = 0; i < terminal->key_count; i++) {
        const struct od_keystroke *key = &terminal->keys[i];
        int size = snprintf(terminal->help + used, sizeof terminal->help - used, "%s%c %s",
                            i == 0 ? "" : "   ", key->key, key->name);
        used += (size_t)size;
        OD_ASSERT(used < sizeof terminal->help);
    }
}

// libuv makes what it polls non-blocking. Standard input, output and errors of a terminal are one
// thing, shared with the workers and with the shell, so it gets one of its own.
static bool poll_anew(struct od_terminal *terminal, uv_loop_t *loop)
{
    terminal->fd = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (terminal->fd >= 0 && uv_poll_init(loop, &terminal->poll, terminal->fd) == 0)
        return true;
    if (terminal->fd >= 0)
        close(terminal->fd);
    return false;
}

bool od_terminal_open(struct od_terminal *terminal, uv_loop_t *loop,
                      const struct od_keystroke *keys, size_t key_count, void *owner)
{
    OD_ASSERT(!terminal->is_open);
    OD_ASSERT(key_count > 0);
    *terminal = (struct od_terminal){.keys = keys, .key_count = key_count, .owner = owner};
    if (!is_ours() || tcgetattr(STDIN_FILENO, &before) != 0 || !poll_anew(terminal, loop))
        return false;
    terminal->is_open = true;
    write_help(terminal);
    set_raw();
    restore_on_crash();
    atexit(od_terminal_restore);
    terminal->poll.data = terminal;
    uv_poll_start(&terminal->poll, UV_READABLE, on_keys);
    uv_signal_init(loop, &terminal->back);
    uv_signal_start(&terminal->back, on_back, SIGCONT);
    return true;
}

void od_terminal_close(struct od_terminal *terminal)
{
    od_terminal_restore();
    if (!terminal->is_open)
        return;
    terminal->is_open = false;
    uv_close((uv_handle_t *)&terminal->poll, NULL);
    uv_close((uv_handle_t *)&terminal->back, NULL);
    close(terminal->fd);
}

const char *od_terminal_help(const struct od_terminal *terminal)
{
    return terminal->help;
}
