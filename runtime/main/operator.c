#include "main/operator.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "main/banner.h"
#include "main/server_inner.h"

// --- Signals and keys ----------------------------------------------------------------------------

static void on_stop_asked(void *owner)
{
    struct od_server *server = owner;
    od_log(OD_LOG_INFO, NULL, "stopping; a second signal ends the program at once");
    od_server_stop(server, OD_EXIT_CLEAN);
}

// The committer's thread may be in the middle of a commit; a commit that is cut never happened.
static void on_kill_asked(void *owner)
{
    struct od_server *server = owner;
    od_log(OD_LOG_WARN, NULL, "killed before all was finished");
    od_terminal_restore();
    od_supervisor_kill(&server->supervisor);
    _exit(OD_EXIT_KILLED);
}

static void on_reload_asked(void *owner)
{
    struct od_server *server = owner;
    od_reload_ask(&server->reload, NULL);
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

static const struct od_control_events control_events = {on_stop_asked, on_kill_asked,
                                                        on_reload_asked};

// --- The control socket --------------------------------------------------------------------------

static void answer_status(void *owner, struct od_control_question *question, od_slice rest)
{
    struct od_server *server = owner;
    od_status_ask(&server->status, question, rest);
}

struct reload_question { // Somebody who ran `open-do reload` and waits for what came of it.
    struct od_reload_asker asker;
    struct od_control_question *question;
};

static void on_reload_done(struct od_reload_asker *asker, bool ok, od_slice text)
{
    struct reload_question *waiting = OD_LIST_MEMBER(asker, struct reload_question, asker);
    struct od_bytes line = {0};
    od_bytes_put_slice(&line, text);
    od_bytes_put_u8(&line, '\n');
    od_control_answer(waiting->question, ok, od_bytes_slice(&line));
    od_bytes_deinit(&line);
    free(waiting);
}

static void answer_reload(void *owner, struct od_control_question *question, od_slice rest)
{
    struct od_server *server = owner;
    (void)rest;
    struct reload_question *waiting = od_allocate_zeroed(sizeof *waiting);
    waiting->asker.done = on_reload_done;
    waiting->question = question;
    od_reload_ask(&server->reload, &waiting->asker);
}

// A question of `open-do test`. Elsewhere time goes on by itself, and nothing is ever settled.
static void answer_settle(void *owner, struct od_control_question *question, od_slice rest)
{
    struct od_server *server = owner;
    (void)rest;
    if (od_fault_page_present())
        od_status_ask_settled(&server->status, question);
    else
        od_control_answer(question, false, OD_SLICE("this program was not started for tests\n"));
}

static const struct od_control_command control_commands[] = {
    {"status", answer_status}, {"reload", answer_reload}, {"settle", answer_settle}, {NULL, NULL}};

// --- From first open to last close ---------------------------------------------------------------

void od_operator_open(struct od_server *server)
{
    od_control_open(&server->operator.control, &server->loop.uv, &control_events, server);
}

// One can serve without it.
void od_operator_listen(struct od_server *server)
{
    struct od_error err;
    if (!od_control_socket_open(&server->operator.socket, &server->loop, server->options->data_dir,
                                control_commands, server, &err))
        od_log(OD_LOG_WARN, NULL, "%s: open-do status and reload will not work", err.text);
}

void od_operator_greet(struct od_server *server)
{
    bool has_keys = od_terminal_open(&server->operator.terminal, &server->loop.uv, keys,
                                     sizeof keys / sizeof *keys, server);
    struct od_banner banner = {
        .options = server->options,
        .url = server->status.url,
        .namespaces = od_bytes_slice(&server->namespaces),
        .watching = od_bytes_slice(&server->watching),
        .has_entry = server->router.has_entry,
        .keys = has_keys ? od_terminal_help(&server->operator.terminal) : NULL,
    };
    od_banner_print(&banner);
}

void od_operator_watching(struct od_server *server, od_slice files)
{
    struct od_bytes text = {0};
    od_files_describe(files, &text);
    bool is_new = !od_slice_equal(od_bytes_slice(&text), od_bytes_slice(&server->watching));
    if (is_new && server->state == OD_SERVER_SERVING && server->options->command == OD_COMMAND_DEV)
        od_log(OD_LOG_INFO, NULL, "watching %.*s", (int)text.size, text.at);
    od_bytes_deinit(&server->watching);
    server->watching = text;
}

void od_operator_close(struct od_server *server)
{
    od_control_close(&server->operator.control);
    od_terminal_close(&server->operator.terminal);
}

void od_operator_hang_up(struct od_server *server)
{
    od_control_socket_close(&server->operator.socket);
}
