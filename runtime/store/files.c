#include "store/files.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static struct od_store_file look(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (stat(path, &status) != 0)
        return (struct od_store_file){0, 0};
    return (struct od_store_file){status.st_dev, status.st_ino};
}

void od_store_files_look(struct od_store_files *files, const char *directory)
{
    files->data = look(directory, "data.mdb");
    files->lock = look(directory, "lock.mdb");
}

static bool is_same(struct od_store_file a, struct od_store_file b)
{
    return a.device == b.device && a.inode == b.inode;
}

bool od_store_files_equal(const struct od_store_files *a, const struct od_store_files *b)
{
    return is_same(a->data, b->data) && is_same(a->lock, b->lock);
}
