#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
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

static bool take(int fd, int pid_fd, const char *directory, bool *is_held, struct od_error *err)
{
    bool ok = flock(fd, LOCK_EX | LOCK_NB) == 0 && flock(pid_fd, LOCK_EX | LOCK_NB) == 0;
    *is_held = !ok && errno == EWOULDBLOCK;
    if (*is_held)
        return refuse(pid_fd, directory, err);
    return (ok && write_pid(pid_fd)) || od_error_errno(err, "cannot lock %s", directory);
}

bool od_lock_open(int *fd, const char *directory, bool *is_held, struct od_error *err)
{
    *is_held = false;
    *fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return od_error_errno(err, "cannot open %s", directory);
    int pid_fd = openat(*fd, "open-do.pid", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = pid_fd < 0 ? od_error_errno(err, "cannot open %s/open-do.pid", directory)
                         : take(*fd, pid_fd, directory, is_held, err);
    if (pid_fd >= 0)
        close(pid_fd);
    if (!ok)
        close(*fd);
    return ok;
}

void od_lock_close(int fd)
{
    OD_ASSERT(fd >= 0);
    close(fd);
}
