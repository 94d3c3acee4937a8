#include "main/operator/check.h"

#include "main/operator/signals.h"
#include "main/processes/dry_run.h"

struct check {
    const struct od_options *options;
    struct od_loop loop;
    struct od_signals signals;
    struct od_dry_run dry_run;
    bool is_over;
    enum od_exit exit;
};

static void decide(struct check *check, enum od_exit exit)
{
    check->exit = exit;
    check->is_over = true;
}

static void on_judged(void *owner, const struct od_verdict *verdict)
{
    struct check *check = owner;
    if (!verdict->ok) {
        fprintf(stderr, "%.*s\n", (int)verdict->why.size, verdict->why.at);
        decide(check, OD_EXIT_WRONG);
        return;
    }
    struct od_bytes names = {0};
    od_verdict_describe(verdict, &names);
    printf("%s is well: namespaces %.*s%s\n", check->options->script, (int)names.size, names.at,
           verdict->has_entry ? "; an entry fetch" : "");
    od_bytes_deinit(&names);
    decide(check, OD_EXIT_CLEAN);
}

static void on_interrupt(void *owner)
{
    decide(owner, OD_EXIT_KILLED);
}

static void on_reload(void *owner)
{
    (void)owner;
}

static const struct od_signals_events signals_events = {on_interrupt, on_interrupt, on_reload,
                                                        on_reload};

enum od_exit od_check_run(const struct od_options *options)
{
    return od_check_run_files(options, (od_slice){NULL, 0});
}

enum od_exit od_check_run_files(const struct od_options *options, od_slice files)
{
    struct od_error err;
    struct check check = {.options = options};
    if (!od_loop_init(&check.loop, &err)) {
        fprintf(stderr, "open-do: %s\n", err.text);
        return OD_EXIT_WRONG;
    }
    od_signals_open(&check.signals, &check.loop.uv, &signals_events, &check);
    od_dry_run_open(&check.dry_run, &check.loop, options, on_judged, &check);
    check.dry_run.files = files;
    od_dry_run_start(&check.dry_run);
    while (!check.is_over)
        od_loop_poll(&check.loop, true);
    od_dry_run_close(&check.dry_run);
    od_signals_close(&check.signals);
    od_loop_deinit(&check.loop);
    return check.exit;
}
