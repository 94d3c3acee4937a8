// Which files an environment consists of, by device and inode.
//
// A name can be given to another file while this one is open: somebody restores a backup under the
// running server, or removes lock.mdb as if it were a leftover. What is written then goes to a file
// without a name and is gone with the process; two processes that have different lock files do not
// see each other's readers, and read pages that were used again. So main remembers what it opened,
// looks at the names before and after each commit, and tells each worker what it has to find.

#ifndef OD_STORE_FILES_H
#define OD_STORE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

struct od_store_file {
    uint64_t device;
    uint64_t inode; // 0: there is none.
};

struct od_store_files {
    struct od_store_file data;
    struct od_store_file lock;
};

// What has the name now.
struct od_store_file od_store_file_look(const char *path);
OD_MUST_CHECK bool od_store_file_equal(struct od_store_file a, struct od_store_file b);

void od_store_files_look(struct od_store_files *files, const char *directory);

OD_MUST_CHECK bool od_store_files_equal(const struct od_store_files *a,
                                        const struct od_store_files *b);

#endif
