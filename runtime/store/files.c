#include "store/files.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

// Not stat: who asks a file system for its times makes the next write renew them, and the disk
// write the inode with each group.
struct od_store_file od_store_file_look(const char *path)
{
    struct statx status;
    if (statx(AT_FDCWD, path, 0, STATX_INO, &status) != 0)
        return (struct od_store_file){0, 0};
    OD_ASSERT(status.stx_ino != 0);
    return (struct od_store_file){makedev(status.stx_dev_major, status.stx_dev_minor),
                                  status.stx_ino};
}

static struct od_store_file look(const char *directory, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return od_store_file_look(path);
}

void od_store_files_look(struct od_store_files *files, const char *directory)
{
    files->data = look(directory, "data.mdb");
    files->lock = look(directory, "lock.mdb");
}

bool od_store_file_equal(struct od_store_file a, struct od_store_file b)
{
    return a.device == b.device && a.inode == b.inode;
}

bool od_store_files_equal(const struct od_store_files *a, const struct od_store_files *b)
{
    return od_store_file_equal(a->data, b->data) && od_store_file_equal(a->lock, b->lock);
}
