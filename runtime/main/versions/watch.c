#include "main/versions/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "main/versions/limits.h"

enum {
    links_max = 40 // As many as Linux follows.
};

struct od_watched {
    char *path; // From the working directory.
    struct od_file_mark mark;
};

struct od_watched_directory {
    uv_fs_event_t handle; // First: it is freed as this struct.
    char *path;
    uint64_t inode;
    bool is_wanted;
};

static void look_soon(struct od_watch *watch, od_time_ms ms)
{
    od_loop_set_timer(watch->loop, &watch->timer, ms);
}

// --- Files ---------------------------------------------------------------------------------------

static char *join(od_slice first, od_slice second, const char *rest)
{
    size_t rest_size = strlen(rest);
    char *whole = od_allocate(first.size + second.size + rest_size + 1), *at = whole;
    memcpy(at, first.at, first.size);
    memcpy(at += first.size, second.at, second.size);
    memcpy(at + second.size, rest, rest_size + 1);
    return whole;
}

static char *copy(const char *text, size_t size)
{
    return join((od_slice){text, size}, OD_SLICE(""), "");
}

static char *path_of(const struct od_watch *watch, od_slice path)
{
    return join((od_slice){watch->folder, strlen(watch->folder)}, path, "");
}

static void forget_files(struct od_watch *watch)
{
    for (size_t i = 0; i < watch->file_count; i++)
        free(watch->files[i].path);
    free(watch->files);
    watch->files = NULL;
    watch->file_count = 0;
}

static void add_files(struct od_watch *watch, od_slice files)
{
    struct od_cursor cursor = od_cursor_of(files);
    struct od_file file;
    while (od_files_next(&cursor, &file)) {
        watch->files = od_reallocate(watch->files, (watch->file_count + 1) * sizeof *watch->files);
        watch->files[watch->file_count++] =
            (struct od_watched){path_of(watch, file.path), file.mark};
    }
}

bool od_watch_differs(const struct od_watch *watch, od_slice files)
{
    struct od_cursor cursor = od_cursor_of(files);
    struct od_file file;
    while (od_files_next(&cursor, &file)) {
        char *path = path_of(watch, file.path);
        bool differs = !od_file_mark_equal(od_file_mark_at(AT_FDCWD, path), file.mark);
        free(path);
        if (differs)
            return true;
    }
    return false;
}

// --- Directories ---------------------------------------------------------------------------------

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct od_watch *watch = handle->data;
    OD_ASSERT(watch->folder != NULL); // Closed with its handles.
    (void)name, (void)events, (void)status;
    if (!od_timer_is_set(&watch->timer))
        look_soon(watch, OD_WATCH_LOOK_MS);
}

static void on_closed(uv_handle_t *handle)
{
    struct od_watched_directory *directory = (struct od_watched_directory *)handle;
    free(directory->path);
    free(directory);
}

static struct od_watched_directory *find_directory(const struct od_watch *watch, const char *path,
                                                   uint64_t inode)
{
    for (size_t i = 0; i < watch->directory_count; i++) {
        struct od_watched_directory *directory = watch->directories[i];
        if (directory->inode == inode && strcmp(directory->path, path) == 0)
            return directory;
    }
    return NULL;
}

static struct od_watched_directory *add_directory(struct od_watch *watch, const char *path,
                                                  uint64_t inode)
{
    struct od_watched_directory *directory = od_allocate_zeroed(sizeof *directory);
    directory->path = copy(path, strlen(path));
    directory->inode = inode;
    int failed = uv_fs_event_init(&watch->loop->uv, &directory->handle);
    OD_ASSERT(failed == 0); // It cannot: what can fail is to start it.
    directory->handle.data = watch;
    failed = uv_fs_event_start(&directory->handle, on_event, path, 0);
    if (failed != 0)
        od_log(OD_LOG_WARN, NULL, "changes in %s cannot be watched: %s", path, uv_strerror(failed));
    watch->directories = od_reallocate(
        watch->directories, (watch->directory_count + 1) * sizeof(struct od_watched_directory *));
    watch->directories[watch->directory_count++] = directory;
    return directory;
}

// The directory of [path], or the nearest above that there is; [path] is cut to it.
static void want_directory_of(struct od_watch *watch, char *path)
{
    for (;;) {
        char *slash = strrchr(path, '/');
        if (slash == path)
            slash[1] = '\0';
        else if (slash == NULL)
            memcpy(path, ".", 2);
        else
            *slash = '\0';
        struct stat facts;
        bool is_there = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
        if (!is_there && strcmp(path, "/") != 0 && strcmp(path, ".") != 0)
            continue;
        uint64_t inode = is_there ? (uint64_t)facts.st_ino : 0;
        struct od_watched_directory *known = find_directory(watch, path, inode);
        if (known == NULL)
            known = add_directory(watch, path, inode);
        known->is_wanted = true;
        return;
    }
}

// When the first [size] bytes of [path] name a link: what [path] is when it is followed.
static char *follow(const char *path, size_t size)
{
    char target[PATH_MAX] = "";
    char *link = copy(path, size), *followed = NULL;
    ssize_t target_size = readlink(link, target, sizeof target);
    const char *slash = strrchr(link, '/');
    bool is_rooted = slash == NULL || target[0] == '/';
    od_slice folder = {link, is_rooted ? 0 : (size_t)(slash - link) + 1};
    if (target_size > 0)
        followed = join(folder, (od_slice){target, (size_t)target_size}, path + size);
    free(link);
    return followed;
}

// The first link in [path], followed; [size] is set to where its name ends. NULL: there is none.
static char *follow_first(const char *path, size_t *size)
{
    for (size_t i = 1; i <= strlen(path); i++) {
        char *followed = path[i] == '/' || path[i] == '\0' ? follow(path, i) : NULL;
        *size = i;
        if (followed != NULL)
            return followed;
    }
    return NULL;
}

// Where the file is, and where each link on the way to it is: any of them can be changed.
static void want_directories(struct od_watch *watch, const struct od_watched *file)
{
    char *path = copy(file->path, strlen(file->path)), *followed;
    size_t size;
    for (int i = 0; i < links_max && (followed = follow_first(path, &size)) != NULL; i++) {
        path[size] = '\0';
        want_directory_of(watch, path);
        free(path);
        path = followed;
    }
    want_directory_of(watch, path);
    free(path);
}

static void drop_unwanted(struct od_watch *watch)
{
    OD_ASSERT(watch->directories != NULL || watch->directory_count == 0);
    size_t kept = 0;
    for (size_t i = 0; i < watch->directory_count; i++) {
        struct od_watched_directory *directory = watch->directories[i];
        if (directory->is_wanted)
            watch->directories[kept++] = directory;
        else
            uv_close((uv_handle_t *)&directory->handle, on_closed);
    }
    watch->directory_count = kept;
}

static void watch_directories(struct od_watch *watch)
{
    for (size_t i = 0; i < watch->directory_count; i++)
        watch->directories[i]->is_wanted = false;
    for (size_t i = 0; i < watch->file_count; i++)
        want_directories(watch, &watch->files[i]);
    drop_unwanted(watch);
}

// --- Looking -------------------------------------------------------------------------------------

static bool has_changed(struct od_watch *watch)
{
    OD_ASSERT(watch->files != NULL || watch->file_count == 0);
    bool any = false;
    for (size_t i = 0; i < watch->file_count; i++) {
        struct od_watched *file = &watch->files[i];
        struct od_file_mark mark = od_file_mark_at(AT_FDCWD, file->path);
        any = any || !od_file_mark_equal(mark, file->mark);
        file->mark = mark;
    }
    return any;
}

static void take_change(struct od_watch *watch)
{
    bool is_first = !watch->is_changing;
    watch->is_changing = true;
    watch->has_changed_again = !is_first;
    look_soon(watch, OD_WATCH_QUIET_MS);
    if (is_first)
        watch->events->began(watch->owner);
}

static void take_quiet(struct od_watch *watch)
{
    OD_ASSERT(watch->is_changing);
    watch->is_changing = false;
    watch->events->ended(watch->owner, watch->has_changed_again);
}

// Directories first: what happens after that is reported, what happened before is seen.
static void look(struct od_timer *timer)
{
    struct od_watch *watch = OD_TIMER_MEMBER(timer, struct od_watch, timer);
    OD_ASSERT(watch->folder != NULL);
    watch_directories(watch);
    if (has_changed(watch))
        take_change(watch);
    else if (watch->is_changing)
        take_quiet(watch);
}

void od_watch_open(struct od_watch *watch, struct od_loop *loop, const char *script,
                   const struct od_watch_events *events, void *owner)
{
    *watch =
        (struct od_watch){.loop = loop, .events = events, .owner = owner, .timer = {.fire = look}};
    const char *slash = strrchr(script, '/');
    watch->folder = copy(script, slash == NULL ? 0 : (size_t)(slash - script) + 1);
}

void od_watch_close(struct od_watch *watch)
{
    od_loop_clear_timer(watch->loop, &watch->timer);
    forget_files(watch);
    watch_directories(watch);
    free(watch->directories);
    free(watch->folder);
    watch->directories = NULL;
    watch->folder = NULL;
}

void od_watch_set(struct od_watch *watch, od_slice files)
{
    OD_ASSERT(watch->folder != NULL);
    forget_files(watch);
    od_watch_add(watch, files);
}

void od_watch_add(struct od_watch *watch, od_slice more)
{
    add_files(watch, more);
    if (!watch->is_changing) // It will look then, and not before.
        look_soon(watch, 0);
}
