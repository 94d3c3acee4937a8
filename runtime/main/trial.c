#include "main/trial.h"

#include <signal.h>
#include <unistd.h>

#include "base/cursor.h"
#include "main/control.h"
#include "main/supervisor.h"

struct trial {
    const struct od_options *options;
    struct od_loop loop;
    struct od_control control;
    struct od_supervisor supervisor;
    bool has_verdict;
    bool is_over;
    enum od_exit exit;
};

static void decide(struct trial *trial, enum od_exit exit)
{
    if (!trial->has_verdict)
        trial->exit = exit;
    trial->has_verdict = true;
    od_supervisor_kill(&trial->supervisor);
}

static void on_ready(void *owner, struct od_child *child, od_slice body)
{
    (void)child;
    struct trial *trial = owner;
    struct od_cursor cursor = od_cursor_of(body);
    bool has_entry = od_cursor_u8(&cursor) != 0;
    printf("%s is well: namespaces", trial->options->script);
    for (const char *comma = " "; !od_cursor_at_end(&cursor); comma = ", ") {
        od_slice name = od_cursor_string(&cursor);
        printf("%s%.*s", comma, (int)name.size, name.at);
    }
    printf("%s\n", has_entry ? "; an entry fetch" : "");
    decide(trial, OD_EXIT_CLEAN);
}

static void on_load_failed(void *owner, struct od_child *child, od_slice why)
{
    (void)child;
    fprintf(stderr, "%.*s\n", (int)why.size, why.at);
    decide(owner, OD_EXIT_WRONG);
}

static bool on_message(void *owner, struct od_child *child, enum od_kind kind, od_slice body,
                       int fd)
{
    (void)owner, (void)child, (void)kind, (void)body;
    if (fd >= 0)
        close(fd);
    return true; // Somebody who only loads may say what he likes.
}

static void on_ended(void *owner, struct od_child *child, const struct od_ending *how)
{
    struct trial *trial = owner;
    if (!trial->has_verdict)
        fprintf(stderr, "open-do: the worker ended before it had loaded the script: %s\n",
                how->why);
    decide(trial, OD_EXIT_WRONG);
    od_supervisor_vacate(&trial->supervisor, child->source);
}

static void on_stopped(void *owner)
{
    struct trial *trial = owner;
    trial->is_over = true;
}

static const struct od_supervisor_events supervisor_events = {on_ready, on_load_failed, on_message,
                                                              on_ended, on_stopped};

static void on_interrupt(void *owner)
{
    decide(owner, OD_EXIT_KILLED);
}

static void on_reload(void *owner)
{
    (void)owner;
}

static const struct od_control_events control_events = {on_interrupt, on_interrupt, on_reload};

static void try_script(struct trial *trial)
{
    struct od_error err;
    if (!od_supervisor_start(&trial->supervisor, &err)) {
        fprintf(stderr, "open-do: %s\n", err.text);
        decide(trial, OD_EXIT_WRONG);
    }
    while (!trial->is_over) {
        od_loop_poll(&trial->loop, true);
        od_supervisor_flush(&trial->supervisor);
    }
}

enum od_exit od_trial_run(const struct od_options *options)
{
    struct od_error err;
    struct trial trial = {.options = options};
    if (!od_loop_init(&trial.loop, &err)) {
        fprintf(stderr, "open-do: %s\n", err.text);
        return OD_EXIT_WRONG;
    }
    od_control_open(&trial.control, &trial.loop.uv, &control_events, &trial);
    od_supervisor_init(&trial.supervisor, &trial.loop, options, 1, &supervisor_events, &trial);
    try_script(&trial);
    od_control_close(&trial.control);
    od_supervisor_deinit(&trial.supervisor);
    od_loop_deinit(&trial.loop);
    return trial.exit;
}
