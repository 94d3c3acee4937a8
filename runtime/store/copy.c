#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "codec/check_sum.h"
#include "store/limits.h"

int od_copy_write(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    OD_ASSERT(fd >= 0);
    if (OD_FAULT("copy.full"))
        return ENOSPC;
    while (size > 0) {
        ssize_t count = write(fd, at, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        at += count;
        size -= (size_t)count;
    }
    return 0;
}

// A spec that wants something to happen meanwhile.
static void hold(void)
{
    while (OD_FAULT("copy.hold"))
        usleep(1000);
}

static ssize_t read_some(const struct od_copy *copy, char *buffer)
{
    uint64_t left = copy->bytes - copy->done;
    ssize_t count;
    do
        count = read(copy->from, buffer, left < OD_STORE_COPY_BYTES ? left : OD_STORE_COPY_BYTES);
    while (count < 0 && errno == EINTR);
    return count;
}

int od_copy_run(struct od_copy *copy)
{
    OD_ASSERT(copy->done <= copy->bytes);
    char *buffer = od_allocate(OD_STORE_COPY_BYTES);
    ssize_t count;
    int code = 0;
    hold();
    while (code == 0 && (count = read_some(copy, buffer)) != 0) {
        code = count < 0      ? errno
               : copy->to < 0 ? 0
                              : od_copy_write(copy->to, buffer, (size_t)count);
        if (code != 0)
            break;
        copy->sum = od_check_sum_more(copy->sum, (od_slice){buffer, (size_t)count});
        copy->done += (uint64_t)count;
        if (copy->progress != NULL)
            copy->progress->step(copy->progress, copy->what, copy->done, copy->total);
    }
    OD_ASSERT(copy->done <= copy->bytes);
    free(buffer);
    return code;
}

int od_copy_close(int fd)
{
    OD_ASSERT(fd >= 0);
    int code = fsync(fd) == 0 ? 0 : errno;
    return close(fd) == 0 || code != 0 ? code : errno;
}

bool od_copy_sync_directory(const char *path, struct od_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd < 0 ? errno : od_copy_close(fd);
    errno = code;
    return code == 0 || od_error_errno(err, "cannot sync the directory %s", path);
}
