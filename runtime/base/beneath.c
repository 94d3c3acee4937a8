#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct walk {
    int root;
    int folders[OD_BENEATH_FOLDERS_MAX]; // Open, from the top down; below them is [root].
    int depth;
    int links;
    int file; // The end of the way; -1: it is a folder.
    struct stat about;
};

static int top_of(const struct walk *walk)
{
    return walk->depth == 0 ? walk->root : walk->folders[walk->depth - 1];
}

static void go_up(struct walk *walk)
{
    OD_ASSERT(walk->depth > 0);
    close(walk->folders[--walk->depth]);
}

static bool is_hidden(const struct walk *walk, od_slice name)
{
    bool is_well_known = walk->depth == 0 && od_slice_equal(name, OD_SLICE(".well-known"));
    return name.size > 0 && name.at[0] == '.' && !is_well_known;
}

static bool go(struct walk *walk, od_slice path);

// What it says belongs to the way as if it had been asked for, dots and all.
static bool follow(struct walk *walk, const char *name)
{
    char target[OD_BENEATH_PATH_BYTES_MAX];
    ssize_t size = readlinkat(top_of(walk), name, target, sizeof target);
    if (size <= 0 || size == sizeof target || target[0] == '/' ||
        ++walk->links > OD_BENEATH_LINKS_MAX)
        return false;
    return go(walk, (od_slice){target, (size_t)size});
}

// What is behind a file or a folder that is full is not there.
static bool enter(struct walk *walk, int fd)
{
    OD_ASSERT(walk->file < 0);
    if (S_ISREG(walk->about.st_mode)) {
        walk->file = fd;
        return true;
    }
    if (S_ISDIR(walk->about.st_mode) && walk->depth < OD_BENEATH_FOLDERS_MAX) {
        walk->folders[walk->depth++] = fd;
        return true;
    }
    close(fd);
    return false;
}

// O_NONBLOCK: a pipe would wait for somebody to write.
static bool step(struct walk *walk, od_slice name)
{
    char text[256];
    if (walk->file >= 0 || name.size >= sizeof text || memchr(name.at, '\0', name.size) != NULL)
        return false;
    memcpy(text, name.at, name.size);
    text[name.size] = '\0';
    int fd = openat(top_of(walk), text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ELOOP && follow(walk, text);
    if (fstat(fd, &walk->about) == 0)
        return enter(walk, fd);
    close(fd);
    return false;
}

static bool take(struct walk *walk, od_slice name)
{
    if (od_slice_equal(name, OD_SLICE("..")) && walk->depth > 0 && walk->file < 0) {
        go_up(walk);
        return true;
    }
    if (od_slice_equal(name, OD_SLICE(".")) || name.size == 0)
        return walk->file < 0;
    return !is_hidden(walk, name) && step(walk, name);
}

static bool go(struct walk *walk, od_slice path)
{
    while (path.size > 0) {
        const char *slash = memchr(path.at, '/', path.size);
        size_t size = slash == NULL ? path.size : (size_t)(slash - path.at);
        if (!take(walk, (od_slice){path.at, size}))
            return false;
        path = od_slice_from(path, size + (slash != NULL));
    }
    return true;
}

// Dots are for links only: in what is asked for they are a trick, or a mistake.
static bool is_plain(od_slice path)
{
    while (path.size > 0) {
        const char *slash = memchr(path.at, '/', path.size);
        size_t size = slash == NULL ? path.size : (size_t)(slash - path.at);
        od_slice name = {path.at, size};
        if (size == 0 || od_slice_equal(name, OD_SLICE(".")) ||
            od_slice_equal(name, OD_SLICE("..")))
            return false;
        path = od_slice_from(path, size + (slash != NULL));
    }
    return true;
}

enum od_beneath od_beneath_open(int root, od_slice path, int *fd, struct stat *about)
{
    struct walk walk = {.root = root, .file = -1};
    bool is_there = path.size <= OD_BENEATH_PATH_BYTES_MAX && is_plain(path) && go(&walk, path);
    while (walk.depth > 0)
        go_up(&walk);
    if (!is_there && walk.file >= 0)
        close(walk.file);
    if (!is_there)
        return OD_BENEATH_NOTHING;
    *fd = walk.file;
    OD_ASSERT(walk.links <= OD_BENEATH_LINKS_MAX);
    *about = walk.about;
    return walk.file >= 0 ? OD_BENEATH_FILE : OD_BENEATH_FOLDER;
}
