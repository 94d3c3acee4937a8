// The disk of the server: what the committer says goes to the worker it is about.

#include <string.h>

#include "base/log.h"
#include "cluster/directory.h"
#include "main/server_inner.h"
#include "main/upgrade.h"

static void on_durable(void *owner, uint32_t source, od_seq seq)
{
    struct od_server *server = owner;
    struct od_child *child = od_supervisor_by_source(&server->supervisor, source);
    if (child == NULL)
        return;
    child->durable = seq;
    child->moment = od_committer_moment(server->committer);
}

static void on_applied(void *owner, uint32_t source, od_seq seq)
{
    struct od_server *server = owner;
    struct od_child *child = od_supervisor_by_source(&server->supervisor, source);
    if (child != NULL)
        child->applied = seq;
}

static void on_failed(void *owner, uint32_t source, uint32_t generation, od_seq first_seq,
                      const char *why)
{
    struct od_server *server = owner;
    struct od_child *child = od_supervisor_by_source(&server->supervisor, source);
    if (child == NULL || !child->has_link)
        return;
    od_supervisor_put_watermarks(child); // They came before.
    size_t mark = od_link_begin(&child->link, OD_KIND_COMMIT_FAILED, -1);
    od_bytes_put_u32(&child->link.out, generation);
    od_bytes_put_u64(&child->link.out, first_seq);
    od_bytes_put_string(&child->link.out, od_slice_of(why));
    od_link_end(&child->link, mark);
}

static void on_forgotten(void *owner, uint32_t source)
{
    struct od_server *server = owner;
    od_supervisor_vacate(&server->supervisor, source);
    od_upgrade_disk_answers(server->upgrade, source);
}

static void on_alarm(void *owner, int64_t due_ms)
{
    struct od_server *server = owner;
    od_alarm_clock_set(&server->alarm_clock, due_ms);
}

static void on_stalled(void *owner, const char *why)
{
    const struct od_server *server = owner;
    od_log(OD_LOG_WARN, NULL,
           "%s/data.mdb cannot take what its journal has: %s; it is tried again, and writes wait "
           "until then",
           server->options->data_dir, why);
}

// To go on would be to answer from what nobody will find again.
static void on_lost(void *owner, const char *why)
{
    struct od_server *server = owner;
    if (od_committer_is_fenced(server->committer)) {
        od_server_fence(server, why);
        return;
    }
    od_log(OD_LOG_ERROR, NULL, "open-do ends, for it cannot write to %s any more: %s",
           server->options->data_dir, why);
    od_server_stop(server, OD_EXIT_WRONG);
}

static const struct od_committer_events committer_events = {
    on_durable, on_applied, on_failed,        on_forgotten,     on_stalled,
    on_lost,    on_alarm,   od_server_placed, od_server_loaded, od_server_filled};

static enum od_exit join_if_asked(struct od_server *server, int *lock_fd, struct od_error *err)
{
    const struct od_options *options = server->options;
    if (od_placement_file_is_wanted()) // A spec says who has what, without an engine.
        return OD_EXIT_CLEAN;
    if (options->cluster != NULL)
        return od_server_join(server, lock_fd, err);
    if (!od_cluster_directory_is_node(options->data_dir))
        return OD_EXIT_CLEAN;
    od_error_set(err,
                 "%s is the cache of a node of a cluster: say which (--cluster), or serve another "
                 "directory",
                 options->data_dir);
    return OD_EXIT_WRONG;
}

enum od_exit od_server_open_disk(struct od_server *server, int lock_fd, struct od_error *err)
{
    OD_ASSERT(server->committer == NULL);
    const char *data_dir = server->options->data_dir;
    struct od_engine *engine = NULL;
    enum od_exit exit = join_if_asked(server, &lock_fd, err);
    if (exit != OD_EXIT_CLEAN)
        return exit;
    if (server->cluster.member != NULL)
        engine = od_cluster_engine(server->cluster.member);
    enum od_committer_opening opening =
        od_committer_open(&server->committer, &server->loop.uv, data_dir, lock_fd, engine,
                          &committer_events, server, err);
    if (opening != OD_COMMITTER_OPEN) // A script that starts servers wants a number.
        return opening == OD_COMMITTER_IN_USE ? OD_EXIT_IN_USE : OD_EXIT_WRONG;
    if (engine != NULL && !od_server_begin_membership(server, err))
        return OD_EXIT_WRONG;
    od_history_start(&server->history, server->committer);
    struct od_store_files files;
    od_committer_files(server->committer, &files);
    _Static_assert(sizeof files == sizeof server->supervisor.files, "one page tells the other");
    memcpy(server->supervisor.files, &files, sizeof files);
    return od_alarm_clock_open(&server->alarm_clock, data_dir, err) ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

// What was written last is in the archive too, unless something went wrong.
void od_server_close_disk(struct od_server *server)
{
    OD_ASSERT(server->state == OD_SERVER_OVER);
    if (server->exit == OD_EXIT_CLEAN)
        od_history_finish(&server->history);
    if (server->cluster.member != NULL)
        od_cluster_hurry(server->cluster.member);
    od_committer_close(server->committer);
    od_cluster_close(server->cluster.member);
    od_history_close(&server->history);
}
