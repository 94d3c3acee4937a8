#include "main/upgrade.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "main/limits.h"
#include "main/server_inner.h"
#include "main/takeover.h"

#define DELETED " (deleted)" // What the system says behind the path of a file that was replaced.

// --- What came of it -----------------------------------------------------------------------------

static void end(struct od_upgrade *upgrade, od_slice why)
{
    OD_ASSERT(upgrade->state != OD_UPGRADE_IDLE);
    struct od_control_question *question = upgrade->question;
    struct od_bytes text = {0};
    od_bytes_put_slice(&text, OD_SLICE("not upgraded, and nothing has changed: "));
    od_bytes_put_slice(&text, why);
    while (text.size > 0 && text.at[text.size - 1] == '\n')
        text.size--;
    od_log_slice(OD_LOG_ERROR, (od_slice){NULL, 0}, od_bytes_slice(&text));
    od_bytes_put_u8(&text, '\n');
    upgrade->state = OD_UPGRADE_IDLE;
    upgrade->question = NULL;
    od_loop_clear_timer(&upgrade->server->loop, &upgrade->timer);
    if (question != NULL)
        od_control_answer(question, false, od_bytes_slice(&text));
    od_bytes_deinit(&text);
}

static const char *why_not(const struct od_upgrade *upgrade)
{
    const struct od_server *server = upgrade->server;
    const struct od_supervisor *supervisor = &server->supervisor;
    if (server->options->command != OD_COMMAND_RUN)
        return "open-do dev is for a person at a terminal; stop it and start the other one";
    if (server->state != OD_SERVER_SERVING)
        return "the server is starting or stopping";
    if (server->reload.state != OD_RELOAD_IDLE)
        return "the script is being loaded, try again";
    if (od_supervisor_ready_count(supervisor) != supervisor->child_count)
        return "a worker is being replaced, try again";
    return NULL;
}

// --- TRYING --------------------------------------------------------------------------------------

static bool is_program(const struct od_upgrade *upgrade, struct od_error *err)
{
    return access(upgrade->program, X_OK) == 0 || od_error_errno(err, "%s", upgrade->program);
}

static bool try_it(struct od_upgrade *upgrade, struct od_error *err)
{
    struct od_takeover_writing writing;
    struct od_takeover_base base = {0, -1, -1};
    od_takeover_put(&writing, upgrade->server, &base);
    int fd = od_takeover_store(&writing, err);
    od_takeover_drop(&writing);
    if (fd < 0)
        return false;
    bool ok = od_successor_try(&upgrade->successor, upgrade->program,
                               upgrade->server->options->argv, fd, err);
    close(fd);
    return ok;
}

// Where the disk does not write, workers would go and never be followed: what they wrote has to be
// there before others read it.
static void ask_disk(struct od_upgrade *upgrade)
{
    struct od_server *server = upgrade->server;
    upgrade->asked = ++server->supervisor.last_source;
    upgrade->is_written = false;
    od_committer_forget(server->committer, upgrade->asked);
    od_loop_set_timer(&server->loop, &upgrade->timer, OD_UPGRADE_DISK_MS_MAX);
}

void od_upgrade_disk_answers(struct od_upgrade *upgrade, uint32_t source)
{
    if (upgrade->state != OD_UPGRADE_CALMING || source != upgrade->asked)
        return;
    upgrade->is_written = true;
    od_loop_clear_timer(&upgrade->server->loop, &upgrade->timer);
}

static void on_tried(void *owner, bool ok, od_slice why)
{
    struct od_upgrade *upgrade = owner;
    const char *not_now = why_not(upgrade);
    OD_ASSERT(upgrade->state == OD_UPGRADE_TRYING);
    if (!ok) {
        end(upgrade, why);
    } else if (not_now != NULL) {
        end(upgrade, od_slice_of(not_now));
    } else {
        struct od_supervisor *supervisor = &upgrade->server->supervisor;
        od_log(OD_LOG_INFO, NULL, "%s can take over", upgrade->program);
        upgrade->state = OD_UPGRADE_CALMING;
        od_reload_hold(&upgrade->server->reload);
        ask_disk(upgrade);
        for (uint32_t i = 0; i < supervisor->child_count; i++)
            od_supervisor_await_calm(&supervisor->children[i]);
    }
}

// --- CALMING -------------------------------------------------------------------------------------

static void leave(struct od_upgrade *upgrade)
{
    OD_ASSERT(upgrade->state == OD_UPGRADE_CALMING);
    struct od_server *server = upgrade->server;
    upgrade->state = OD_UPGRADE_LEAVING;
    upgrade->since_ms = od_clock_monotonic_ms();
    od_loop_set_timer(&server->loop, &upgrade->timer, OD_UPGRADE_LEAVE_MS_MAX);
    od_door_hold(&server->door);
    od_alarm_clock_stop(&server->alarm_clock);
    od_supervisor_leave(&server->supervisor);
}

static void look_whether_calm(struct od_upgrade *upgrade)
{
    struct od_server *server = upgrade->server;
    const struct od_supervisor *supervisor = &server->supervisor;
    if (server->state != OD_SERVER_SERVING)
        return;
    if (od_supervisor_ready_count(supervisor) < supervisor->child_count) {
        od_reload_open(&server->reload);
        end(upgrade, OD_SLICE("a worker has ended meanwhile, try again"));
        return;
    }
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if (!supervisor->children[i].is_calm)
            return;
    }
    if (upgrade->is_written)
        leave(upgrade);
}

static bool set_program(struct od_upgrade *upgrade, od_slice program, struct od_error *err)
{
    char *path = upgrade->program;
    ssize_t size = (ssize_t)program.size;
    if (program.size >= sizeof upgrade->program)
        return od_error_set(err, "the path of the program is too long");
    if (program.size > 0)
        memcpy(path, program.at, program.size);
    else
        size = readlink("/proc/self/exe", path, sizeof upgrade->program - 1);
    if (size < 0)
        return od_error_errno(err, "the file of this program cannot be found");
    path[size] = '\0';
    char *deleted = program.size > 0 ? NULL : strstr(path, DELETED);
    if (deleted != NULL && deleted[strlen(DELETED)] == '\0')
        *deleted = '\0';
    return true;
}

void od_upgrade_ask(struct od_upgrade *upgrade, struct od_control_question *question,
                    od_slice program)
{
    struct od_error err;
    const char *not_now =
        upgrade->state == OD_UPGRADE_IDLE ? why_not(upgrade) : "another upgrade is under way";
    if (not_now != NULL && question != NULL) {
        char text[256];
        int size = snprintf(text, sizeof text, "not upgraded: %s\n", not_now);
        od_control_answer(question, false, (od_slice){text, (size_t)size});
    }
    if (not_now != NULL) {
        od_log(OD_LOG_WARN, NULL, "not upgraded: %s", not_now);
        return;
    }
    upgrade->question = question;
    upgrade->state = OD_UPGRADE_TRYING;
    if (!set_program(upgrade, program, &err) || !is_program(upgrade, &err) ||
        !try_it(upgrade, &err))
        end(upgrade, od_slice_of(err.text));
}

// --- LEAVING -------------------------------------------------------------------------------------

void od_upgrade_left(struct od_upgrade *upgrade)
{
    upgrade->is_due = upgrade->state == OD_UPGRADE_LEAVING;
}

static void return_to_service(struct od_upgrade *upgrade, bool is_open, const struct od_error *err,
                              od_slice why)
{
    struct od_server *server = upgrade->server;
    if (!is_open) {
        od_log(OD_LOG_ERROR, NULL, "%s", err->text);
        od_server_stop(server, OD_EXIT_WRONG);
    } else {
        od_supervisor_return(&server->supervisor);
        od_alarm_clock_start(&server->alarm_clock);
        od_reload_open(&server->reload);
        od_door_open(&server->door);
    }
    end(upgrade, why);
}

// Only if the next program cannot be started, although it could when it was tried.
static void stay(struct od_upgrade *upgrade, int lock_fd, od_slice why)
{
    struct od_server *server = upgrade->server;
    struct od_error err;
    bool is_open = od_server_open_disk(server, lock_fd, &err) == OD_EXIT_CLEAN;
    if (is_open) {
        od_admin_listener_return(&server->admin);
        od_acme_start(&server->acme);
    }
    return_to_service(upgrade, is_open, &err, why);
}

// The disk does not write. If that came when the workers had gone, the next ones are there when it
// writes again.
static void on_late(struct od_timer *timer)
{
    struct od_upgrade *upgrade = OD_TIMER_MEMBER(timer, struct od_upgrade, timer);
    struct od_server *server = upgrade->server;
    od_slice why = OD_SLICE("the disk does not take what was written; try again when it does");
    struct od_error err;
    if (server->state != OD_SERVER_SERVING || upgrade->is_due)
        return;
    if (upgrade->state == OD_UPGRADE_LEAVING) {
        bool is_open = od_alarm_clock_open(&server->alarm_clock, server->options->data_dir, &err);
        return_to_service(upgrade, is_open, &err, why);
    } else if (upgrade->state == OD_UPGRADE_CALMING) {
        od_reload_open(&server->reload);
        end(upgrade, why);
    }
}

// What it had said is the committer's last word: that is in the files when this goes on.
static void become_next(struct od_upgrade *upgrade)
{
    struct od_server *server = upgrade->server;
    OD_ASSERT(upgrade->state == OD_UPGRADE_LEAVING);
    OD_ASSERT(server->committer != NULL);
    struct od_takeover_writing writing;
    struct od_error err = {{0}};
    struct od_takeover_base base = {
        .since_ms = upgrade->since_ms,
        .lock_fd = od_committer_duplicate_lock(server->committer),
        .asker_fd = upgrade->question == NULL ? -1 : od_control_duplicate_fd(upgrade->question),
    };
    od_admin_listener_rest(&server->admin);
    od_acme_rest(&server->acme);
    od_history_rest(&server->history);
    od_committer_close(server->committer);
    server->committer = NULL;
    od_takeover_put(&writing, server, &base);
    od_log_settle(true);
    od_takeover_exec(&writing, upgrade->program, server->options->argv, &err);
    od_takeover_drop(&writing);
    if (base.asker_fd >= 0)
        close(base.asker_fd);
    stay(upgrade, base.lock_fd, od_slice_of(err.text));
}

void od_upgrade_turn(struct od_upgrade *upgrade)
{
    OD_ASSERT(upgrade->state != OD_UPGRADE_IDLE || upgrade->question == NULL);
    if (upgrade->state == OD_UPGRADE_CALMING)
        look_whether_calm(upgrade);
    if (!upgrade->is_due)
        return;
    upgrade->is_due = false;
    if (upgrade->server->state == OD_SERVER_SERVING)
        become_next(upgrade);
}

bool od_upgrade_is_under_way(const struct od_upgrade *upgrade)
{
    return upgrade->state != OD_UPGRADE_IDLE;
}

// --- Beginning and end ---------------------------------------------------------------------------

struct od_upgrade *od_upgrade_new(struct od_server *server)
{
    struct od_upgrade *upgrade = od_allocate_zeroed(sizeof *upgrade);
    upgrade->server = server;
    upgrade->timer.fire = on_late;
    od_successor_init(&upgrade->successor, &server->loop, on_tried, upgrade);
    return upgrade;
}

void od_upgrade_close(struct od_upgrade *upgrade)
{
    od_successor_close(&upgrade->successor);
    od_loop_clear_timer(&upgrade->server->loop, &upgrade->timer);
    if (upgrade->question != NULL)
        od_control_answer(upgrade->question, false, OD_SLICE("the server is stopping\n"));
    upgrade->question = NULL;
}

void od_upgrade_free(struct od_upgrade *upgrade)
{
    free(upgrade);
}
