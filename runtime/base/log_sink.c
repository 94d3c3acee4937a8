#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

enum kind {
    UNKNOWN, // Not opened yet.
    FREE,    // Never waits: a file, or a description of our own.
    SOCKET,
    SHARED, // May wait: it is asked first.
};

static struct {
    enum kind kind;
    int fd;
    bool owes_end; // The last line was cut.
} sink;

static bool is_reopened(void)
{
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    sink.fd = fd;
    (void)fcntl(fd, F_SETPIPE_SZ, OD_LOG_PIPE_BYTES); // As much of it as we are allowed.
    return true;
}

void od_log_sink_open(void)
{
    struct stat status;
    if (sink.kind != UNKNOWN)
        return;
    sink.fd = STDERR_FILENO;
    sink.kind = FREE;
    if (fstat(STDERR_FILENO, &status) != 0)
        return;
    if (S_ISSOCK(status.st_mode))
        sink.kind = SOCKET;
    else if (S_ISFIFO(status.st_mode) || isatty(STDERR_FILENO))
        sink.kind = is_reopened() ? FREE : SHARED;
}

static bool has_room(int wait_ms)
{
    struct pollfd asked = {.fd = sink.fd, .events = POLLOUT};
    return poll(&asked, 1, wait_ms) > 0;
}

// A pipe that is said to have room takes a page, so more than that is not offered it.
static ssize_t write_some(od_slice text)
{
    enum {
        page_bytes = 4096,
    };
    if (sink.kind == SOCKET)
        return send(sink.fd, text.at, text.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sink.kind != SHARED)
        return write(sink.fd, text.at, text.size);
    if (has_room(0))
        return write(sink.fd, text.at, text.size < page_bytes ? text.size : page_bytes);
    errno = EAGAIN;
    return -1;
}

static bool write_all(od_slice text, int wait_ms)
{
    size_t written = 0;
    while (written < text.size) {
        ssize_t count = write_some(od_slice_from(text, written));
        if (count > 0)
            written += (size_t)count;
        else if (errno != EINTR && (errno != EAGAIN || wait_ms == 0 || !has_room(wait_ms)))
            break;
    }
    sink.owes_end = sink.owes_end || (written > 0 && written < text.size);
    return written > 0;
}

bool od_log_sink_write(od_slice text, int wait_ms)
{
    od_log_sink_open();
    if (sink.owes_end) {
        sink.owes_end = false;
        if (!write_all(OD_SLICE("\n"), wait_ms)) {
            sink.owes_end = true;
            return false;
        }
    }
    return write_all(text, wait_ms);
}
