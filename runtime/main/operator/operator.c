#include "main/operator/operator.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "main/versions/reload.h"

static const struct od_operator *operator_of(const void *owner)
{
    const struct od_operator *who = owner;
    OD_ASSERT(who->loop != NULL);
    OD_ASSERT(who->events != NULL);
    OD_ASSERT(who->owner != NULL);
    return who;
}

// --- Signals and keys ----------------------------------------------------------------------------

static void on_stop_asked(void *owner)
{
    const struct od_operator *who = operator_of(owner);
    od_log(OD_LOG_INFO, NULL, "stopping; a second signal ends the program at once");
    who->events->stop(who->owner);
}

static void on_kill_asked(void *owner)
{
    const struct od_operator *who = operator_of(owner);
    od_log(OD_LOG_WARN, NULL, "killed before all was finished");
    od_terminal_restore();
    who->events->kill(who->owner);
}

static void on_reload_asked(void *owner)
{
    const struct od_operator *who = operator_of(owner);
    who->events->reload(who->owner, NULL);
}

static void on_upgrade_asked(void *owner)
{
    const struct od_operator *who = operator_of(owner);
    who->events->upgrade(who->owner, NULL, (od_slice){NULL, 0});
}

// Like Ctrl-C: the second one is not so patient.
static void on_quit(void *owner)
{
    (void)owner;
    raise(SIGTERM);
}

static const struct od_keystroke keys[] = {
    {'r', "reload", on_reload_asked},
    {'c', "clear", NULL},
    {'q', "quit", on_quit},
    {'h', "help", NULL},
};

static const struct od_signals_events signals_events = {on_stop_asked, on_kill_asked,
                                                        on_reload_asked, on_upgrade_asked};

// --- The control socket --------------------------------------------------------------------------

static void answer_status(void *owner, struct od_control_question *question, od_slice rest)
{
    const struct od_operator *who = operator_of(owner);
    who->events->status(who->owner, question, rest);
}

static void answer_cluster(void *owner, struct od_control_question *question, od_slice rest)
{
    const struct od_operator *who = operator_of(owner);
    who->events->cluster(who->owner, question, rest);
}

// The same for who asks with a body, as those do who take the answer apart: "all" of it as JSON, or
// "owner ID" of one object.
static void answer_nodes(void *owner, struct od_control_question *question, od_slice body)
{
    bool is_one = od_slice_starts_with(body, OD_SLICE("owner "));
    answer_cluster(owner, question, is_one ? body : OD_SLICE("status json"));
}

static void answer_metrics(void *owner, struct od_control_question *question, od_slice rest)
{
    const struct od_operator *who = operator_of(owner);
    (void)rest;
    who->events->metrics(who->owner, question);
}

struct reload_question { // Somebody who ran `open-do reload` and waits for what came of it.
    struct od_reload_asker asker;
    struct od_control_question *question;
};

static void on_reload_done(struct od_reload_asker *asker, bool ok, od_slice text)
{
    struct reload_question *waiting = OD_LIST_MEMBER(asker, struct reload_question, asker);
    OD_ASSERT(waiting->question != NULL);
    struct od_bytes line = {0};
    od_bytes_put_slice(&line, text);
    od_bytes_put_u8(&line, '\n');
    od_control_answer(waiting->question, ok, od_bytes_slice(&line));
    od_bytes_deinit(&line);
    free(waiting);
}

static void answer_reload(void *owner, struct od_control_question *question, od_slice rest)
{
    const struct od_operator *who = operator_of(owner);
    (void)rest;
    struct reload_question *waiting = od_allocate_zeroed(sizeof *waiting);
    waiting->asker.done = on_reload_done;
    waiting->question = question;
    who->events->reload(who->owner, &waiting->asker);
}

// A question of `open-do test`. Elsewhere time goes on by itself, and nothing is ever settled.
static void answer_settle(void *owner, struct od_control_question *question, od_slice rest)
{
    const struct od_operator *who = operator_of(owner);
    (void)rest;
    if (od_fault_page_present())
        who->events->settle(who->owner, question);
    else
        od_control_answer(question, false, OD_SLICE("this program was not started for tests\n"));
}

// It starts whatever program is named, so not by what came over a network.
static void answer_upgrade(void *owner, struct od_control_question *question, od_slice program)
{
    const struct od_operator *who = operator_of(owner);
    if (od_control_is_here(question))
        who->events->upgrade(who->owner, question, program);
    else
        od_control_answer(question, false, OD_SLICE("say it on the machine: open-do upgrade\n"));
}

static void answer_restart(void *owner, struct od_control_question *question, od_slice number)
{
    const struct od_operator *who = operator_of(owner);
    who->events->restart(who->owner, question, number);
}

// The answer first: what is stopped may be everything.
static void answer_drain(void *owner, struct od_control_question *question, od_slice rest)
{
    const struct od_operator *who = operator_of(owner);
    char asker[OD_CONTROL_ASKER_BYTES];
    (void)rest;
    od_control_asker(question, asker);
    od_control_answer(question, true, OD_SLICE("it ends what runs, and stops\n"));
    od_log(OD_LOG_INFO, NULL, "stopping, asked for by an operator (%s)", asker);
    who->events->stop(who->owner);
}

static void answer_call(void *owner, struct od_control_question *question, od_slice body)
{
    const struct od_operator *who = operator_of(owner);
    who->events->call(who->owner, question, body);
}

static void answer_list(void *owner, struct od_control_question *question, od_slice body)
{
    const struct od_operator *who = operator_of(owner);
    who->events->list(who->owner, question, body);
}

static void answer_log(void *owner, struct od_control_question *question, od_slice after)
{
    const struct od_operator *who = operator_of(owner);
    who->events->log(who->owner, question, after);
}

static const struct od_control_command control_commands[] = {
    {"status", answer_status, false},
    {"cluster", answer_cluster, false},
    {"nodes", answer_nodes, true},
    {"reload", answer_reload, false},
    {"metrics", answer_metrics, false},
    {"drain", answer_drain, false},
    {"settle", answer_settle, false},
    {"call", answer_call, true},
    {"list", answer_list, true},
    {"log", answer_log, true},
    {"upgrade", answer_upgrade, false},
    {"restart-worker", answer_restart, false},
    {NULL, NULL, false}};

void od_operator_ask(struct od_operator *who, struct od_control_question *question, od_slice name,
                     od_slice rest)
{
    const struct od_control_command *command = od_control_find(control_commands, name);
    if (command == NULL)
        od_control_answer(question, false, OD_SLICE("this program does not know that question\n"));
    else
        command->ask(who, question, rest);
}

// --- From first open to last close ---------------------------------------------------------------

void od_operator_open(struct od_operator *who, struct od_loop *loop,
                      const struct od_operator_events *events, void *owner)
{
    OD_ASSERT(events != NULL);
    who->loop = loop;
    who->events = events;
    who->owner = owner;
    od_signals_open(&who->signals, &loop->uv, &signals_events, who);
}

int od_operator_fd(const struct od_operator *who)
{
    return od_control_fd(&who->control);
}

void od_operator_listen(struct od_operator *who, const char *data_dir, int fd)
{
    struct od_error err;
    void *owner = who;
    if (!od_control_open(&who->control, who->loop, data_dir, fd, control_commands, owner, &err))
        od_log(OD_LOG_WARN, NULL, "%s: open-do status, reload and what looks inside will not work",
               err.text);
}

void od_operator_greet(struct od_operator *who, struct od_banner banner)
{
    bool has_keys =
        od_terminal_open(&who->terminal, &who->loop->uv, keys, sizeof keys / sizeof *keys, who);
    banner.keys = has_keys ? od_terminal_help(&who->terminal) : NULL;
    od_banner_print(&banner);
}

void od_operator_close(struct od_operator *who)
{
    od_signals_close(&who->signals);
    od_terminal_close(&who->terminal);
}

void od_operator_hang_up(struct od_operator *who)
{
    od_control_close(&who->control);
}
