// The disk of the server: what the committer says goes to the worker it is about.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "main/server_inner.h"

static void on_durable(void *owner, uint32_t source, od_seq seq)
{
    struct od_server *server = owner;
    struct od_child *child = od_supervisor_by_source(&server->supervisor, source);
    if (child != NULL)
        child->durable = seq;
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
}

static void on_alarm(void *owner, int64_t due_ms)
{
    struct od_server *server = owner;
    od_alarm_clock_set(&server->alarm_clock, due_ms);
}

// To go on would be to answer from what nobody will find again.
static void on_lost(void *owner, const char *why)
{
    struct od_server *server = owner;
    od_log(
        OD_LOG_ERROR, NULL,
        "cannot write to %s any more: %s; open-do ends, and what it acknowledged until now is in "
        "the file it had opened. Look which data.mdb is the right one before you start it again",
        server->options->data_dir, why);
    od_server_stop(server, OD_EXIT_WRONG);
}

static const struct od_committer_events committer_events = {on_durable,   on_applied, on_failed,
                                                            on_forgotten, on_lost,    on_alarm};

bool od_server_open_disk(struct od_server *server, int lock_fd, struct od_error *err)
{
    const char *data_dir = server->options->data_dir;
    if (!od_committer_open(&server->committer, &server->loop.uv, data_dir, lock_fd,
                           &committer_events, server, err)) {
        server->committer = NULL;
        return false;
    }
    struct od_store_files files;
    od_committer_files(server->committer, &files);
    _Static_assert(sizeof files == sizeof server->supervisor.files, "one page tells the other");
    memcpy(server->supervisor.files, &files, sizeof files);
    return od_alarm_clock_open(&server->alarm_clock, data_dir, err);
}

// The committer's error says what is wrong in words; a script that starts servers wants a number.
enum od_exit od_server_exit_of_directory(const char *directory)
{
    int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = directory_fd < 0 ? -1 : openat(directory_fd, "open-do.pid", O_RDWR | O_CLOEXEC);
    bool is_held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    if (directory_fd >= 0)
        close(directory_fd);
    return is_held ? OD_EXIT_IN_USE : OD_EXIT_WRONG;
}
