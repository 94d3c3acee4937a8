// A disk for specs: preloaded into the program, it writes down what the program does to its data
// file and the segments of its journal, and fails calls when a spec says so.
//
// OPEN_DO_DISK_TRACE names a file that gets a record for each call, in the order in which they took
// effect. A power cut can come after any of them, and disk.lua makes from the trace what it may
// leave behind. Records, in the byte order of the machine, each with the number of a file:
//
//   u8 'w', u8 file, u64 offset, u32 size, bytes   written; on the disk at some time or never
//   u8 's', u8 file                                all that was written to it before is on the disk
//   u8 'd', u8 file, u64 offset, u32 size          that range is (a write with O_DSYNC)
//   u8 't', u8 file, u64 size, u32 0               it was cut or extended to that size
//   u8 'g', u8 file, u64 size, u32 0               it was extended to that size, with zeros
//   u8 'r', u8 file, u64 0, u32 size, name         it got this name, seen from the data directory
//
// OPEN_DO_DISK_PLAN names a file of one struct plan, mapped and shared: which call fails, and how.
// A *lying* disk says that a sync is done and does nothing: the control of the experiment, for with
// it acknowledged writes must get lost.
//
// Only descriptors through which these files can be written are watched: those of main.

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum call {
    CALL_NONE,
    CALL_WRITE, // Any way to write.
    CALL_SYNC,  // fdatasync, fsync.
    CALL_DSYNC, // A write with O_DSYNC.
    CALL_GROW,  // fallocate.
};

enum part {
    PART_ANY,
    PART_DATA,
    PART_JOURNAL,
};

struct plan {
    int32_t part;     // Of which files.
    int32_t call;     // Which calls fail.
    int32_t skip;     // So many pass first.
    int32_t times;    // Then so many fail; below zero: all.
    int32_t error;    // With this errno.
    int32_t is_lying; // Syncs do nothing.
    int32_t failed;   // So many have failed.
};

enum {
    FDS_MAX = 4096,
    FILES_MAX = 64,
    PARTS_MAX = 64, // LMDB writes as many pages at once.
};

static struct plan *plan;
static int trace_fd = -1;
static uint8_t watched[FDS_MAX]; // 0: not; 1: written through the cache; 2: O_DSYNC.
static uint8_t files[FDS_MAX];   // The number of its file.

// Files by inode, for they change their names.
static struct {
    ino_t inode;
    enum part part;
} known[FILES_MAX];

static void *map_plan(void)
{
    const char *path = getenv("OPEN_DO_DISK_PLAN");
    int fd = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    void *map = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("OPEN_DO_DISK_TRACE");
    if (path != NULL)
        trace_fd = (int)syscall(SYS_openat, AT_FDCWD, path,
                                O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    plan = map_plan();
}

static bool has_to_fail(enum call call, int fd)
{
    if (plan == NULL || plan->call != (int32_t)call || plan->times == 0)
        return false;
    if (plan->part != PART_ANY && plan->part != (int32_t)known[files[fd]].part)
        return false;
    if (plan->skip > 0) {
        plan->skip--;
        return false;
    }
    if (plan->times > 0)
        plan->times--;
    plan->failed++;
    errno = plan->error;
    return true;
}

static uint8_t kind_of(int fd)
{
    return fd >= 0 && fd < FDS_MAX ? watched[fd] : 0;
}

// One record is one write to a descriptor with O_APPEND, so none is torn.
static void record(const struct iovec *parts, int count)
{
    if (trace_fd >= 0 && syscall(SYS_writev, trace_fd, parts, count) < 0)
        abort();
}

static void record_bytes(char kind, uint8_t file, const struct iovec *from, int count, off_t offset,
                         size_t size)
{
    uint64_t at = (uint64_t)offset;
    uint32_t length = (uint32_t)size;
    struct iovec parts[4 + PARTS_MAX] = {{&kind, 1}, {&file, 1}, {&at, 8}, {&length, 4}};
    if (count > PARTS_MAX)
        abort();
    if (count > 0)
        memcpy(parts + 4, from, (size_t)count * sizeof *from);
    record(parts, count + 4);
}

static void record_range(char kind, uint8_t file, off_t offset, size_t size)
{
    record_bytes(kind, file, NULL, 0, offset, size);
}

static void record_sync(uint8_t file)
{
    char kind = 's';
    struct iovec parts[] = {{&kind, 1}, {&file, 1}};
    record(parts, 2);
}

static void record_name(uint8_t file, const char *name)
{
    struct iovec part = {(void *)(uintptr_t)name, strlen(name)};
    record_bytes('r', file, &part, 1, 0, part.iov_len);
}

static size_t size_of(const struct iovec *parts, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

// The trace has a write before the file does, for it may be on the disk as soon as it is there. On
// a lying disk O_DSYNC means nothing.
static ssize_t write_at(int fd, const struct iovec *parts, int count, off_t offset)
{
    bool is_dsync = kind_of(fd) == 2;
    if (has_to_fail(CALL_WRITE, fd) || (is_dsync && has_to_fail(CALL_DSYNC, fd)))
        return -1;
    size_t size = size_of(parts, count);
    record_bytes('w', files[fd], parts, count, offset, size);
    ssize_t done = syscall(SYS_pwritev, fd, parts, count, offset, 0);
    if (done == (ssize_t)size && is_dsync && (plan == NULL || !plan->is_lying))
        record_range('d', files[fd], offset, size);
    return done;
}

// --- What is taken over --------------------------------------------------------------------------

// Under its first name too, which ends so.
static bool is_data_file(const char *path)
{
    size_t length = strlen(path);
    return length >= 8 && strcmp(path + length - 8, "data.mdb") == 0;
}

static bool is_segment(const char *path)
{
    return strstr(path, "/journal/") != NULL;
}

static uint8_t number_of(ino_t inode, enum part part)
{
    for (uint8_t i = 1; i < FILES_MAX; i++) {
        if (known[i].inode != 0 && known[i].inode != inode)
            continue;
        known[i].inode = inode;
        known[i].part = part;
        return i;
    }
    abort();
}

static int watch(int fd, const char *path, int flags)
{
    enum part part = is_data_file(path) ? PART_DATA : is_segment(path) ? PART_JOURNAL : PART_ANY;
    struct stat status;
    if (fd < 0 || fd >= FDS_MAX)
        return fd;
    bool is_ours = part != PART_ANY && (flags & O_ACCMODE) != O_RDONLY;
    watched[fd] = !is_ours ? 0 : flags & O_DSYNC ? 2 : 1;
    if (is_ours && fstat(fd, &status) == 0)
        files[fd] = number_of(status.st_ino, part);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return watch((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), path, flags);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open(path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FDS_MAX)
        watched[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t offset)
{
    if (kind_of(fd) == 0)
        return syscall(SYS_pwrite64, fd, from, size, offset);
    struct iovec part = {(void *)(uintptr_t)from, size};
    return write_at(fd, &part, 1, offset);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off_t offset)
{
    return pwrite(fd, from, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (kind_of(fd) == 0)
        return syscall(SYS_pwritev, fd, parts, count, offset, 0);
    return write_at(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
{
    return pwritev(fd, parts, count, offset);
}

static ssize_t write_here(int fd, const struct iovec *parts, int count)
{
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = write_at(fd, parts, count, offset);
    if (done > 0)
        lseek(fd, offset + done, SEEK_SET);
    return done;
}

ssize_t write(int fd, const void *from, size_t size)
{
    if (kind_of(fd) == 0)
        return syscall(SYS_write, fd, from, size);
    struct iovec part = {(void *)(uintptr_t)from, size};
    return write_here(fd, &part, 1);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (kind_of(fd) == 0)
        return syscall(SYS_writev, fd, parts, count);
    return write_here(fd, parts, count);
}

static int sync_with(long number, int fd)
{
    if (kind_of(fd) == 0)
        return (int)syscall(number, fd);
    if (has_to_fail(CALL_SYNC, fd))
        return -1;
    if (plan != NULL && plan->is_lying)
        return 0;
    int code = (int)syscall(number, fd);
    if (code == 0)
        record_sync(files[fd]);
    return code;
}

int fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    if (kind_of(fd) == 0)
        return (int)syscall(SYS_fallocate, fd, mode, offset, size);
    if (has_to_fail(CALL_GROW, fd))
        return -1;
    int code = (int)syscall(SYS_fallocate, fd, mode, offset, size);
    if (code == 0 && mode == 0)
        record_range('g', files[fd], offset + size, 0);
    return code;
}

int fallocate64(int fd, int mode, off_t offset, off_t size)
{
    return fallocate(fd, mode, offset, size);
}

int ftruncate(int fd, off_t size)
{
    if (kind_of(fd) != 0)
        record_range('t', files[fd], size, 0);
    return (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

int rename(const char *from, const char *to)
{
    struct stat status;
    int code = (int)syscall(SYS_rename, from, to);
    if (code == 0 && is_data_file(to) && stat(to, &status) == 0)
        record_name(number_of(status.st_ino, PART_DATA), "data.mdb");
    return code;
}

// Only the journal's segments are renamed so.
int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat status;
    char name[64];
    int code = (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
    if (code != 0 || fstatat(to_fd, to, &status, 0) != 0)
        return code;
    snprintf(name, sizeof name, "journal/%s", to);
    record_name(number_of(status.st_ino, PART_JOURNAL), name);
    return code;
}
