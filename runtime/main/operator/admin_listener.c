#include "main/operator/admin_listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "link/worker_page.h"
#include "main/operator/limits.h"
#include "main/processes/limits.h"
#include "main/workers/limits.h"

// --- Questions -----------------------------------------------------------------------------------

struct admin_question {
    struct od_control_question question; // First.
    struct od_admin_listener *admin;
    uint64_t life; // Who asked may have ended; then the answer is for nobody.
    uint64_t number;
    char who[OD_CONTROL_ASKER_BYTES];
};

static void on_answer(struct od_control_question *question, bool ok, od_slice text)
{
    struct admin_question *asked = (struct admin_question *)question;
    struct od_admin_listener *admin = asked->admin;
    OD_ASSERT(asked->life <= admin->life);
    OD_ASSERT(admin->question_count > 0);
    if (admin->has_link && asked->life == admin->life) {
        size_t mark = od_link_begin(&admin->link, OD_KIND_ANSWER, -1);
        od_bytes_put_u64(&admin->link.out, asked->number);
        od_bytes_put_u8(&admin->link.out, ok);
        od_bytes_put_slice(&admin->link.out, text);
        od_link_end(&admin->link, mark);
    }
    admin->question_count--;
    free(asked);
}

static void describe_asker(struct od_control_question *question, char text[OD_CONTROL_ASKER_BYTES])
{
    struct admin_question *asked = (struct admin_question *)question;
    snprintf(text, OD_CONTROL_ASKER_BYTES, "%s", asked->who);
}

// False: it makes no sense.
static bool take_question(struct od_admin_listener *admin, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t number = od_cursor_u64(&cursor);
    od_slice name = od_cursor_string(&cursor);
    od_slice who = od_cursor_string(&cursor);
    od_slice rest = od_cursor_rest(&cursor);
    if (cursor.failed || admin->question_count >= OD_CONTROL_QUESTIONS_MAX)
        return false;
    struct admin_question *asked = od_allocate_zeroed(sizeof *asked);
    *asked = (struct admin_question){
        .question = {on_answer, describe_asker},
        .admin = admin,
        .life = admin->life,
        .number = number,
    };
    snprintf(asked->who, sizeof asked->who, "%.*s", (int)who.size, who.at);
    admin->question_count++;
    od_operator_ask(admin->operator, & asked->question, name, rest);
    return true;
}

// --- The process ---------------------------------------------------------------------------------

static void start(struct od_admin_listener *admin);

static void start_later(struct od_admin_listener *admin)
{
    if (od_clock_monotonic_ms() - admin->started_ms >= OD_RESTART_CALM_MS)
        admin->restart_ms = 0;
    od_loop_set_timer(admin->loop, &admin->timer, admin->restart_ms);
    admin->restart_ms = admin->restart_ms == 0 ? OD_RESTART_MS_MIN : admin->restart_ms * 2;
    if (admin->restart_ms > OD_RESTART_MS_MAX)
        admin->restart_ms = OD_RESTART_MS_MAX;
    OD_ASSERT(admin->restart_ms >= OD_RESTART_MS_MIN);
}

static void on_start_time(struct od_timer *timer)
{
    start(OD_TIMER_MEMBER(timer, struct od_admin_listener, timer));
}

// Its link is read to the end before this.
static void reap(struct od_admin_listener *admin)
{
    int status;
    char how[64];
    if (admin->has_link || !od_process_reap(&admin->process, &status) || admin->is_closing)
        return;
    od_process_describe_end(status, how, sizeof how);
    od_log(OD_LOG_ERROR, NULL, "the admin process (pid %d) ended: %s; another one is started",
           od_process_last_number(&admin->process), how);
    start_later(admin);
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    reap(handle->data);
}

static void on_gone(struct od_link *link)
{
    struct od_admin_listener *admin = link->owner;
    od_process_kill(&admin->process);
    od_link_close(link);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_admin_listener *admin = link->owner;
    if (fd >= 0)
        close(fd);
    if (kind != OD_KIND_ASK || !take_question(admin, body)) {
        od_log(OD_LOG_ERROR, NULL, "the admin process sent %s, which makes no sense",
               od_kind_name(kind));
        od_process_kill(&admin->process);
    }
}

static void on_closed(struct od_link *link)
{
    struct od_admin_listener *admin = link->owner;
    OD_ASSERT(admin->has_link);
    admin->has_link = false;
    reap(admin);
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

static bool spawn(struct od_admin_listener *admin, struct od_error *err)
{
    OD_ASSERT(!admin->has_link);
    OD_ASSERT(!admin->is_closing);
    int fds[2];
    if (!od_link_pair(fds, err))
        return false;
    struct od_child_args args = {OD_CHILD_ADMIN, fds[1], -1};
    bool has_process = od_process_spawn(&admin->process, admin->options, &args, err);
    close(fds[1]);
    if (!has_process)
        close(fds[0]);
    else
        admin->has_link =
            od_link_init(&admin->link, &admin->loop->uv, fds[0], &link_events, admin, err);
    if (!admin->has_link)
        od_process_end(&admin->process);
    return admin->has_link;
}

static void start(struct od_admin_listener *admin)
{
    struct od_error err;
    admin->started_ms = od_clock_monotonic_ms();
    if (!spawn(admin, &err)) {
        od_log(OD_LOG_WARN, NULL, "the admin process cannot be started: %s", err.text);
        start_later(admin);
        return;
    }
    admin->life++;
    size_t mark = od_link_begin(&admin->link, OD_KIND_ADMIN, -1);
    od_bytes_put_string(&admin->link.out, od_slice_of(admin->token));
    od_bytes_put_string(&admin->link.out, od_slice_of(admin->read_token));
    od_link_end(&admin->link, mark);
}

// --- The door ------------------------------------------------------------------------------------

static enum od_admission on_admit(void *owner, const struct od_arrival *arrival, od_slice bytes)
{
    struct od_admin_listener *admin = owner;
    OD_ASSERT(admin->is_open);
    OD_ASSERT(arrival->fd >= 0);
    if (!admin->has_link || admin->link.is_gone ||
        od_link_waiting_bytes(&admin->link) > OD_LINK_WAITING_BYTES_MAX)
        return OD_ADMISSION_LATER;
    size_t mark = od_link_begin(&admin->link, OD_KIND_CONNECTION, arrival->fd);
    od_arrival_put(arrival, OD_PAGE_NO_PLACE, bytes, &admin->link.out);
    od_link_end(&admin->link, mark);
    return OD_ADMISSION_TAKEN;
}

static const struct od_door_events door_events = {on_admit, NULL};

// --- From first open to last close ---------------------------------------------------------------

void od_admin_listener_init(struct od_admin_listener *admin, struct od_loop *loop,
                            const struct od_options *options, struct od_operator *operator)
{
    *admin = (struct od_admin_listener){
        .loop = loop, .options = options, .operator= operator, .timer = {.fire = on_start_time} };
    od_door_init(&admin->door, loop, options, &door_events, admin);
    admin->door.connection_limit.limit = 0; // The process behind it tells of no ends.
    int status = uv_signal_init(&loop->uv, &admin->child_signal);
    OD_ASSERT(status == 0);
    admin->child_signal.data = admin;
    status = uv_signal_start(&admin->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

static enum od_exit listen_at(struct od_admin_listener *admin, struct od_error *err)
{
    const struct od_options *options = admin->options;
    if (!od_admin_token(options->data_dir, OD_ADMIN_TOKEN_NAME, admin->token, err) ||
        !od_admin_token(options->data_dir, OD_ADMIN_READ_TOKEN_NAME, admin->read_token, err))
        return OD_EXIT_WRONG;
    if (admin->door.listeners.count > 0)
        return OD_EXIT_CLEAN;
    return od_door_listen(&admin->door, &options->admin, "--admin", err);
}

enum od_exit od_admin_listener_open(struct od_admin_listener *admin, struct od_error *err)
{
    const struct od_options *options = admin->options;
    if (!options->has_admin)
        return OD_EXIT_CLEAN;
    enum od_exit exit = listen_at(admin, err);
    if (exit != OD_EXIT_CLEAN && options->is_admin_usual) {
        od_log(OD_LOG_WARN, NULL, "nobody can look inside with a browser: %s", err->text);
        return OD_EXIT_CLEAN;
    }
    if (exit != OD_EXIT_CLEAN)
        return exit;
    od_listeners_url(&admin->door.listeners, &options->admin, admin->url, sizeof admin->url);
    if (!od_address_is_loopback(&options->admin))
        od_log(
            OD_LOG_WARN, NULL,
            "the admin listener at %s is not for this machine alone, and tokens cross the network "
            "as they are: put a proxy with TLS in front of it",
            admin->url);
    admin->is_open = true;
    od_door_open(&admin->door);
    start(admin);
    return OD_EXIT_CLEAN;
}

void od_admin_listener_rest(struct od_admin_listener *admin)
{
    od_loop_clear_timer(admin->loop, &admin->timer);
    od_process_end(&admin->process);
}

// The end of its link comes first.
void od_admin_listener_return(struct od_admin_listener *admin)
{
    if (admin->is_open)
        od_loop_set_timer(admin->loop, &admin->timer, OD_RESTART_MS_MIN);
}

void od_admin_listener_turn(struct od_admin_listener *admin)
{
    if (!admin->is_open)
        return;
    od_door_retry(&admin->door);
    if (admin->has_link)
        od_link_flush(&admin->link);
}

void od_admin_listener_close(struct od_admin_listener *admin)
{
    admin->is_closing = true;
    od_loop_clear_timer(admin->loop, &admin->timer);
    od_door_close(&admin->door);
    od_process_end(&admin->process);
    if (admin->has_link && !admin->link.is_closing)
        od_link_close(&admin->link);
    uv_close((uv_handle_t *)&admin->child_signal, NULL);
}

void od_admin_listener_deinit(struct od_admin_listener *admin)
{
    od_door_deinit(&admin->door);
}
