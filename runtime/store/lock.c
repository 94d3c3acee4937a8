#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static bool refuse(int fd, const char *directory, struct od_error *err)
{
    char pid[32] = "";
    ssize_t size = pread(fd, pid, sizeof pid - 1, 0);
    long owner = size > 0 ? strtol(pid, NULL, 10) : 0;
    if (owner <= 0) // It has the lock and has not yet written its pid.
        return od_error_set(err, "the data directory %s is in use by another open-do", directory);
    return od_error_set(
        err,
        "the data directory %s is in use by the open-do with pid %ld; stop that one "
        "or choose another directory with --data",
        directory, owner);
}

static bool write_pid(int fd)
{
    char pid[32];
    int size = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    return ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)size, 0) == size;
}

static bool take(int fd, const char *path, const char *directory, bool *is_held,
                 struct od_error *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        *is_held = errno == EWOULDBLOCK;
        return *is_held ? refuse(fd, directory, err) : od_error_errno(err, "cannot lock %s", path);
    }
    return write_pid(fd) || od_error_errno(err, "cannot write %s", path);
}

bool od_lock_open(int *fd, const char *directory, bool *is_held, struct od_error *err)
{
    char path[PATH_MAX];
    *is_held = false;
    if (snprintf(path, sizeof path, "%s/open-do.pid", directory) >= (int)sizeof path)
        return od_error_set(err, "the path of the data directory is too long: %s", directory);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return od_error_errno(err, "cannot open %s", path);
    if (take(*fd, path, directory, is_held, err))
        return true;
    close(*fd);
    return false;
}

void od_lock_close(int fd)
{
    OD_ASSERT(fd >= 0);
    close(fd);
}
