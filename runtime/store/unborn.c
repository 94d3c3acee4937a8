#include "store/unborn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

enum {
    FIRST_PAGES = 2,
    MARK_OFFSET = 16,    // Of LMDB's own mark in each of the two pages,
    COMMIT_OFFSET = 144, // and of the number of the last commit: none is 0.
};

static const uint32_t MARK = 0xbeefc0de;

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

struct first_page {
    bool has_mark, has_commit;
};

static struct first_page read_page(const char *page, size_t size)
{
    uint32_t mark = 0;
    uint64_t commit = 0;
    if (size >= MARK_OFFSET + sizeof mark)
        memcpy(&mark, page + MARK_OFFSET, sizeof mark);
    if (size >= COMMIT_OFFSET + sizeof commit)
        memcpy(&commit, page + COMMIT_OFFSET, sizeof commit);
    return (struct first_page){mark == MARK, mark == MARK && commit != 0};
}

static bool is_zero(const char *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

// Sectors that never arrived read as zeros. With a commit in it the file was longer once: that is
// damage indeed, and what is left may help whoever repairs it.
static bool check(const char *bytes, size_t size, bool *is_unborn, struct od_error *err)
{
    size_t page = page_bytes(), first = size < page ? size : page;
    struct first_page one = read_page(bytes, first), two = read_page(bytes + first, size - first);
    if (one.has_commit || two.has_commit)
        return od_error_set(err, "cannot open the data file: it was cut off after its first pages; "
                                 "restore the directory from a backup");
    *is_unborn = one.has_mark || two.has_mark || is_zero(bytes, size);
    return true;
}

static bool clear(int fd, size_t size, struct od_error *err)
{
    char *bytes = od_allocate(size);
    ssize_t got = pread(fd, bytes, size, 0);
    bool is_unborn = false, is_fine = got < 0 || check(bytes, (size_t)got, &is_unborn, err);
    free(bytes);
    if (is_unborn && ftruncate(fd, 0) != 0)
        return od_error_errno(err, "cannot empty a data file that holds nothing yet");
    return is_fine;
}

bool od_unborn_clear(const char *directory, struct od_error *err)
{
    struct stat stat;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/data.mdb", directory);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) // Whoever opens it for good says why.
        return true;
    bool is_short = fstat(fd, &stat) == 0 && stat.st_size > 0 &&
                    (size_t)stat.st_size <= FIRST_PAGES * page_bytes();
    bool cleared = !is_short || clear(fd, (size_t)stat.st_size, err);
    close(fd);
    return cleared;
}

int od_unborn_finish(int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return errno;
    bool is_new = (size_t)stat.st_size <= FIRST_PAGES * page_bytes();
    return is_new && fdatasync(fd) != 0 ? errno : 0;
}
