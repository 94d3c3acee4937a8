// Many bytes from one descriptor to another, with a check sum and with news for who waits.
//
// Process: any that may block; never main's loop.

#ifndef OD_STORE_COPY_H
#define OD_STORE_COPY_H

#include "base/check.h"
#include "base/error.h"

#include <stdint.h>

// Told now and then how far a piece of work is.
struct od_progress {
    // [total] 0: not known.
    void (*step)(struct od_progress *progress, const char *what, uint64_t done, uint64_t total);
};

struct od_copy {
    int from, to;     // [to] below 0: the bytes are only read.
    uint64_t bytes;   // So many at most.
    const char *what; // For [progress], which may be NULL.
    uint64_t total;
    struct od_progress *progress;

    uint64_t done;
    uint32_t sum; // od_check_sum of what was read.
};

// Until [bytes] or the end, or from there on if the file has grown. 0 or errno.
OD_MUST_CHECK int od_copy_run(struct od_copy *copy);

OD_MUST_CHECK int od_copy_write(int fd, const void *bytes, size_t size);

// Closes it when it is on the disk. 0 or errno; it is closed in every case.
OD_MUST_CHECK int od_copy_close(int fd);

// A directory with what is named in it.
OD_MUST_CHECK bool od_copy_sync_directory(const char *path, struct od_error *err);

#endif
