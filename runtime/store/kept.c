#include "store/kept.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/env.h"
#include "store/limits.h"
#include "store/names.h"

static const char unfinished_name[] = "unfinished.base"; // One that is being made.

static void set_folder(struct od_kept *kept, const char *data_dir)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/journal", data_dir);
    if (kept->folder == NULL)
        kept->folder = od_text_copy(od_slice_of(path));
}

static bool is_segment_name(const char *name)
{
    return strlen(name) == 20 && strspn(name, "0123456789") == 20;
}

static void add_segment(struct od_kept *kept, const char *name, const struct stat *status)
{
    if (kept->segment_count == kept->segment_capacity)
        kept->segments = od_grow(kept->segments, &kept->segment_capacity, sizeof *kept->segments);
    kept->segments[kept->segment_count++] =
        (struct od_kept_segment){strtoull(name, NULL, 10), (uint64_t)status->st_blocks * 512,
                                 (od_time_ms)status->st_mtim.tv_sec * 1000};
}

static void add_base(struct od_kept *kept, const char *name, const char *path,
                     const struct stat *status)
{
    char named[OD_BASE_NAME_BYTES];
    struct od_base base;
    struct od_error err;
    if (!od_base_look(&base, path, &err)) { // Whoever restores hears of it.
        kept->unread_count += !base.is_damaged;
        return;
    }
    od_base_name(named, base.mark.moment.sequence);
    if (strcmp(name, named) != 0)
        return; // Somebody put it there. It must not make another one superfluous.
    if (kept->base_count == kept->base_capacity)
        kept->bases = od_grow(kept->bases, &kept->base_capacity, sizeof *kept->bases);
    kept->bases[kept->base_count++] =
        (struct od_kept_base){base.mark.moment, (uint64_t)status->st_blocks * 512,
                              (od_time_ms)status->st_mtim.tv_sec * 1000};
}

static void add(struct od_kept *kept, const char *name)
{
    OD_ASSERT(kept->folder != NULL);
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", kept->folder, name);
    bool is_segment = is_segment_name(name), is_base = od_names_is_base(name);
    if ((!is_segment && !is_base) || stat(path, &status) != 0)
        return; // Or it was used again meanwhile.
    if (is_segment)
        add_segment(kept, name, &status);
    else
        add_base(kept, name, path, &status);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b; // The first member of both kinds.
    return (*left > *right) - (*left < *right);
}

bool od_kept_look(struct od_kept *kept, const char *data_dir, struct od_error *err)
{
    const char *name;
    set_folder(kept, data_dir);
    kept->segment_count = kept->base_count = kept->unread_count = 0;
    DIR *names = opendir(kept->folder);
    if (names == NULL)
        return od_error_errno(err, "cannot read %s", kept->folder);
    while ((name = od_names_next(names)) != NULL)
        add(kept, name);
    bool is_whole = errno == 0 || od_error_errno(err, "cannot read %s", kept->folder);
    closedir(names);
    if (kept->segment_count > 0)
        qsort(kept->segments, kept->segment_count, sizeof *kept->segments, by_number);
    if (kept->base_count > 0)
        qsort(kept->bases, kept->base_count, sizeof *kept->bases, by_number);
    return is_whole;
}

void od_kept_deinit(struct od_kept *kept)
{
    free(kept->folder);
    free(kept->segments);
    free(kept->bases);
    *kept = (struct od_kept){0};
}

// --- Bases ---------------------------------------------------------------------------------------

static void path_of(const struct od_kept *kept, uint64_t sequence, char path[PATH_MAX])
{
    char name[OD_BASE_NAME_BYTES];
    od_base_name(name, sequence);
    snprintf(path, PATH_MAX, "%s/%s", kept->folder, name);
}

bool od_kept_is_continued(const struct od_kept *kept, const struct od_kept_base *base)
{
    OD_ASSERT(kept->base_count > 0);
    return kept->segment_count == 0 || base->moment.sequence + 1 >= kept->segments[0].first;
}

static bool has_room(const struct od_kept *kept, const char *data_dir, struct od_error *err)
{
    char path[PATH_MAX];
    struct stat status;
    struct statvfs disk;
    snprintf(path, sizeof path, "%s/data.mdb", data_dir);
    if (stat(path, &status) != 0 || statvfs(kept->folder, &disk) != 0)
        return true; // Whoever opens it says more.
    uint64_t need = (uint64_t)status.st_blocks * 512 + OD_STORE_BASE_LEFT_BYTES;
    return (uint64_t)disk.f_bavail * disk.f_frsize >= need ||
           od_error_set(err, "the disk has less room than it may take (%llu MiB)",
                        (unsigned long long)(need >> 20));
}

bool od_kept_make_base(struct od_kept *kept, const char *data_dir, struct od_error *err)
{
    char made[PATH_MAX], path[PATH_MAX];
    struct od_base base;
    struct od_env *env;
    set_folder(kept, data_dir);
    snprintf(made, sizeof made, "%s/%s", kept->folder, unfinished_name);
    unlink(made); // Of a process that was killed over it.
    if (!has_room(kept, data_dir, err) || !od_env_open(&env, data_dir, false, err))
        return false;
    bool is_made = od_base_make(&base, made, env, NULL, err);
    od_env_close(env);
    if (!is_made) {
        unlink(made);
        return false;
    }
    OD_ASSERT(base.bytes > 0);
    path_of(kept, base.mark.moment.sequence, path);
    return (rename(made, path) == 0 || od_error_errno(err, "cannot rename %s", made)) &&
           od_copy_sync_directory(kept->folder, err);
}

void od_kept_drop_base(const struct od_kept *kept, uint64_t sequence)
{
    char path[PATH_MAX];
    OD_ASSERT(kept->folder != NULL);
    path_of(kept, sequence, path);
    unlink(path);
}
