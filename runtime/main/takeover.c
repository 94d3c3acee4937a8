#include "main/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/thread.h"
#include "main/server_inner.h"
#include "main/takeover_parts.h"

#define MAGIC "open-do takes over\n"

enum {
    version_now = 1,
    version_oldest = 1, // That this program reads.
};

// --- Writing -------------------------------------------------------------------------------------

static size_t begin_section(struct od_bytes *record, enum od_takeover_section section)
{
    od_bytes_put_u16(record, (uint16_t)section);
    od_bytes_put_u32(record, 0);
    return record->size;
}

static void end_section(struct od_bytes *record, size_t mark)
{
    od_bytes_set_u32(record, mark - 4, (uint32_t)(record->size - mark));
}

static void put_base(struct od_takeover_writing *writing, const struct od_server *server,
                     const struct od_takeover_base *base)
{
    struct od_bytes *record = &writing->record;
    size_t mark = begin_section(record, OD_TAKEOVER_BASE);
    od_bytes_put_string(record, OD_SLICE(OD_VERSION));
    od_bytes_put_u32(record, server->supervisor.child_count);
    od_bytes_put_u64(record, (uint64_t)base->since_ms);
    od_takeover_put_fd(writing, base->lock_fd);
    od_takeover_put_fd(writing, od_operator_fd(&server->operator));
    od_takeover_put_fd(writing, base->asker_fd);
    od_takeover_put_listeners(writing, &server->door.listeners);
    end_section(record, mark);
}

void od_takeover_put(struct od_takeover_writing *writing, struct od_server *server,
                     const struct od_takeover_base *base)
{
    struct od_bytes *record = &writing->record;
    *writing = (struct od_takeover_writing){0};
    od_bytes_put_slice(record, OD_SLICE(MAGIC));
    od_bytes_put_u32(record, OD_FAULT("takeover.newer") ? version_now + 1 : version_now);
    put_base(writing, server, base);
    for (int i = 0; i < OD_TAKEOVER_SECTION_COUNT; i++) {
        if (od_takeover_parts[i].put == NULL)
            continue;
        size_t mark = begin_section(record, (enum od_takeover_section)i);
        od_takeover_parts[i].put(writing, server);
        end_section(record, mark);
    }
}

void od_takeover_drop(struct od_takeover_writing *writing)
{
    od_bytes_deinit(&writing->record);
    od_bytes_deinit(&writing->fds);
}

int od_takeover_store(const struct od_takeover_writing *writing, struct od_error *err)
{
    od_slice left = od_bytes_slice(&writing->record);
    int fd = memfd_create("open-do takeover", MFD_CLOEXEC);
    ssize_t count = OD_FAULT("takeover.memory") ? -1 : 0;
    while (fd >= 0 && left.size > 0 && count >= 0) {
        count = write(fd, left.at, left.size);
        left = od_slice_from(left, count < 0 ? 0 : (size_t)count);
    }
    if (fd >= 0 && count >= 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    bool is_told = od_error_errno(err, "what is handed over cannot be written");
    OD_ASSERT(!is_told);
    if (fd >= 0)
        close(fd);
    return -1;
}

static void keep_over_exec(od_slice fds, int flags)
{
    struct od_cursor cursor = od_cursor_of(fds);
    while (!od_cursor_at_end(&cursor))
        fcntl((int)od_cursor_u32(&cursor), F_SETFD, flags);
}

// Signals wait until the next program can hear them: it has their usual meaning before.
void od_takeover_exec(const struct od_takeover_writing *writing, const char *program, char **argv,
                      struct od_error *err)
{
    char variable[32];
    sigset_t all, before;
    int fd = od_takeover_store(writing, err);
    if (fd < 0)
        return;
    snprintf(variable, sizeof variable, "go:%d", fd);
    setenv(OD_TAKEOVER_VARIABLE, variable, true);
    fcntl(fd, F_SETFD, 0);
    keep_over_exec(od_bytes_slice(&writing->fds), 0);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    od_thread_be_usual();
    if (!OD_FAULT("takeover.exec"))
        execv(program, argv);
    int error = errno;
    od_thread_be_patient();
    sigprocmask(SIG_SETMASK, &before, NULL);
    keep_over_exec(od_bytes_slice(&writing->fds), FD_CLOEXEC);
    unsetenv(OD_TAKEOVER_VARIABLE);
    close(fd);
    errno = error;
    od_error_set(err, "%s cannot be started: %s", program, strerror(error));
}

// --- Reading -------------------------------------------------------------------------------------

bool od_takeover_is_asked(bool *only_tries, int *fd)
{
    const char *text = getenv(OD_TAKEOVER_VARIABLE);
    if (text == NULL)
        return false;
    *only_tries = strncmp(text, "try:", 4) == 0;
    const char *colon = strchr(text, ':');
    *fd = colon == NULL ? -1 : (int)strtol(colon + 1, NULL, 10);
    unsetenv(OD_TAKEOVER_VARIABLE);
    return true;
}

static bool read_file(struct od_bytes *record, int fd, struct od_error *err)
{
    ssize_t count;
    while ((count = read(fd, od_bytes_reserve(record, 1 << 20), 1 << 20)) > 0)
        record->size += (size_t)count;
    return count == 0 || od_error_errno(err, "what is handed over cannot be read");
}

static bool read_version(struct od_cursor *cursor, struct od_error *err)
{
    od_slice magic = od_cursor_bytes(cursor, strlen(MAGIC));
    uint32_t version = od_cursor_u32(cursor);
    if (cursor->failed || !od_slice_equal(magic, OD_SLICE(MAGIC)))
        return od_error_set(err, "what is handed over is no record of open-do");
    if (version > version_now)
        return od_error_set(err,
                            "the open-do that runs is newer: it hands over in form %u, and open-do "
                            "%s knows forms up to %d; stop it and start this one",
                            version, OD_VERSION, version_now);
    if (version < version_oldest)
        return od_error_set(err,
                            "the open-do that runs is too old: it hands over in form %u, and "
                            "open-do %s knows forms from %d; upgrade it to one in between first",
                            version, OD_VERSION, version_oldest);
    return true;
}

static void read_sections(struct od_takeover *takeover, struct od_cursor *cursor)
{
    while (!od_cursor_at_end(cursor)) {
        uint16_t section = od_cursor_u16(cursor);
        od_slice body = od_cursor_string(cursor);
        if (section < OD_TAKEOVER_SECTION_COUNT)
            takeover->sections[section] = body;
    }
}

static bool read_base(struct od_takeover *takeover, struct od_error *err)
{
    struct od_cursor cursor = od_cursor_of(takeover->sections[OD_TAKEOVER_BASE]);
    takeover->version = od_cursor_string(&cursor);
    takeover->workers = od_cursor_u32(&cursor);
    takeover->since_ms = (od_time_ms)od_cursor_u64(&cursor);
    takeover->lock_fd = (int)od_cursor_u32(&cursor);
    takeover->control_fd = (int)od_cursor_u32(&cursor);
    takeover->asker_fd = (int)od_cursor_u32(&cursor);
    takeover->listeners = cursor;
    return !cursor.failed || od_error_set(err, "what is handed over is incomplete");
}

bool od_takeover_read(struct od_takeover *takeover, int fd, struct od_error *err)
{
    *takeover = (struct od_takeover){0};
    bool is_read = read_file(&takeover->record, fd, err);
    close(fd);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&takeover->record));
    if (!is_read || !read_version(&cursor, err))
        return false;
    read_sections(takeover, &cursor);
    if (cursor.failed)
        return od_error_set(err, "what is handed over is incomplete");
    return read_base(takeover, err);
}

void od_takeover_deinit(struct od_takeover *takeover)
{
    od_bytes_deinit(&takeover->record);
}

static void adopt(struct od_server *server, const struct od_takeover *takeover, int section)
{
    struct od_cursor cursor = od_cursor_of(takeover->sections[section]);
    bool ok = od_takeover_parts[section].take(server, &cursor);
    if (!ok)
        od_log(OD_LOG_ERROR, NULL, "a part of what was handed over makes no sense (section %d)",
               section);
}

void od_takeover_adopt(struct od_server *server, struct od_takeover *takeover)
{
    int *const fds[] = {&takeover->lock_fd, &takeover->control_fd, &takeover->asker_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (*fds[i] >= 0)
            fcntl(*fds[i], F_SETFD, FD_CLOEXEC);
    }
    struct od_cursor listeners = takeover->listeners;
    od_takeover_take_listeners(&server->door.listeners, &listeners);
    adopt(server, takeover, OD_TAKEOVER_SCRIPT);
    adopt(server, takeover, OD_TAKEOVER_WORKERS);
    adopt(server, takeover, OD_TAKEOVER_OBJECTS);
    adopt(server, takeover, OD_TAKEOVER_SOCKETS);
    adopt(server, takeover, OD_TAKEOVER_REFUSALS);
    adopt(server, takeover, OD_TAKEOVER_TLS);
    adopt(server, takeover, OD_TAKEOVER_ADMIN);
}

void od_takeover_adopt_arrivals(struct od_server *server, const struct od_takeover *takeover)
{
    adopt(server, takeover, OD_TAKEOVER_ARRIVALS);
}
