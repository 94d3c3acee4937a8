#include "store/unfinished.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/copy.h"
#include "store/names.h"

bool od_unfinished_refuse(const char *directory, struct od_error *err)
{
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/" OD_UNFINISHED_NAME, directory);
    return stat(path, &status) != 0 ||
           od_error_set(err,
                        "%s was not finished: a backup or a restore that made it was interrupted, "
                        "or is still at it; remove the directory and do it again",
                        directory);
}

static bool is_nothing(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0;
}

static bool is_empty(const char *directory, struct od_error *err)
{
    DIR *names = opendir(directory);
    const char *name;
    if (names == NULL)
        return od_error_errno(err, "cannot read %s", directory);
    while ((name = od_names_next(names)) != NULL && is_nothing(name))
        continue;
    bool is_empty = name == NULL, is_read = !is_empty || errno == 0;
    if (!is_read)
        od_error_errno(err, "cannot read %s", directory);
    closedir(names);
    if (!is_read)
        return false;
    return is_empty || od_error_set(err, "%s is not empty: give a new directory", directory);
}

bool od_unfinished_begin(struct od_unfinished *unfinished, const char *directory,
                         struct od_error *err)
{
    char path[PATH_MAX];
    bool is_made = mkdir(directory, 0700) == 0;
    if (!is_made && errno != EEXIST)
        return od_error_errno(err, "cannot make %s", directory);
    if (!is_made && (!od_unfinished_refuse(directory, err) || !is_empty(directory, err)))
        return false;
    snprintf(path, sizeof path, "%s/" OD_UNFINISHED_NAME, directory);
    if (mkdir(path, 0700) != 0) {
        od_error_errno(err, "cannot make %s", path);
        if (is_made)
            rmdir(directory);
        return false;
    }
    *unfinished = (struct od_unfinished){od_text_copy(od_slice_of(directory)),
                                         od_text_copy(od_slice_of(path)), is_made};
    return true;
}

static void deinit(struct od_unfinished *unfinished)
{
    free(unfinished->directory);
    free(unfinished->folder);
    *unfinished = (struct od_unfinished){0};
}

// Calls [each] with the descriptors of both directories and each name in the folder.
static bool for_each(const struct od_unfinished *unfinished,
                     bool (*each)(int folder, int directory, const char *name))
{
    OD_ASSERT(unfinished->directory != NULL);
    int directory = open(unfinished->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = opendir(unfinished->folder);
    const char *name;
    bool ok = directory >= 0 && names != NULL;
    while (ok && (name = od_names_next(names)) != NULL) {
        if (!is_nothing(name))
            ok = each(dirfd(names), directory, name);
    }
    int code = errno;
    ok = ok && code == 0;
    if (names != NULL)
        closedir(names);
    if (directory >= 0)
        close(directory);
    errno = code;
    return ok;
}

static bool move_out(int folder, int directory, const char *name)
{
    return renameat(folder, name, directory, name) == 0;
}

bool od_unfinished_end(struct od_unfinished *unfinished, struct od_error *err)
{
    char parent[PATH_MAX];
    OD_ASSERT(unfinished->folder != NULL);
    snprintf(parent, sizeof parent, "%s/..", unfinished->directory);
    bool is_moved = for_each(unfinished, move_out) ||
                    od_error_errno(err, "cannot move what is in %s", unfinished->folder);
    bool is_ended = is_moved && od_copy_sync_directory(unfinished->directory, err) &&
                    od_copy_sync_directory(parent, err) &&
                    (rmdir(unfinished->folder) == 0 ||
                     od_error_errno(err, "cannot remove %s", unfinished->folder)) &&
                    od_copy_sync_directory(unfinished->directory, err);
    if (is_ended)
        deinit(unfinished);
    else
        od_unfinished_abandon(unfinished);
    return is_ended;
}

static bool remove_one(int folder, int directory, const char *name)
{
    (void)directory;
    unlinkat(folder, name, 0);
    return true;
}

void od_unfinished_abandon(struct od_unfinished *unfinished)
{
    OD_ASSERT(unfinished->folder != NULL);
    for_each(unfinished, remove_one);
    rmdir(unfinished->folder);
    if (unfinished->is_directory_made)
        rmdir(unfinished->directory); // Not when something was moved there already.
    deinit(unfinished);
}
