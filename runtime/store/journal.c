#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "codec/check_sum.h"
#include "store/journal_inner.h"
#include "store/limits.h"

void od_journal_name(char name[OD_JOURNAL_NAME_BYTES], uint64_t first)
{
    snprintf(name, OD_JOURNAL_NAME_BYTES, "%020llu", (unsigned long long)first);
}

uint64_t od_journal_padded(uint64_t size)
{
    return (size + OD_JOURNAL_BLOCK_BYTES - 1) / OD_JOURNAL_BLOCK_BYTES * OD_JOURNAL_BLOCK_BYTES;
}

// --- The group that is gathered ------------------------------------------------------------------

static void reserve(struct od_journal *journal, size_t size)
{
    if (size <= journal->group_capacity)
        return;
    size_t capacity =
        journal->group_capacity == 0 ? OD_JOURNAL_BLOCK_BYTES : journal->group_capacity;
    while (capacity < size)
        capacity *= 2;
    void *group = NULL;
    if (posix_memalign(&group, OD_JOURNAL_BLOCK_BYTES, capacity) != 0)
        group = NULL;
    OD_ASSERT(group != NULL); // As od_allocate: without memory there is no way on.
    if (journal->group_size > 0)
        memcpy(group, journal->group, journal->group_size);
    free(journal->group);
    journal->group = group;
    journal->group_capacity = capacity;
}

// Over [at], as bytes.h encodes.
static void set_number(char *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(value >> (8 * i));
}

static void forget_group(struct od_journal *journal)
{
    journal->group_size = 0;
    if (journal->group_capacity <= OD_STORE_JOURNAL_KEPT_BYTES)
        return;
    free(journal->group);
    journal->group = NULL;
    journal->group_capacity = 0;
}

void od_journal_begin(struct od_journal *journal)
{
    journal->group_size = 0;
    reserve(journal, OD_JOURNAL_HEAD_BYTES);
    journal->group_size = OD_JOURNAL_HEAD_BYTES;
}

void od_journal_put(struct od_journal *journal, od_slice submission)
{
    reserve(journal, journal->group_size + sizeof(uint32_t) + submission.size);
    set_number(journal->group + journal->group_size, submission.size, sizeof(uint32_t));
    journal->group_size += sizeof(uint32_t);
    if (submission.size > 0)
        memcpy(journal->group + journal->group_size, submission.at, submission.size);
    journal->group_size += submission.size;
}

static void seal(struct od_journal *journal)
{
    enum {
        AT_SUM = 4,
        AT_SIZE = 8,
        AT_SUM_BEFORE = 12,
        AT_SEQUENCE = 16,
        AT_TIME = 24,
        AT_ID = 32,
    };
    od_time_ms now_ms = od_clock_wall_ms(), last_ms = journal->last.time_ms;
    struct od_journal_moment sealed = {.sequence = journal->last.sequence + 1,
                                       .time_ms = now_ms > last_ms ? now_ms : last_ms};
    char *head = journal->group;
    set_number(head, OD_JOURNAL_GROUP_MARK, 4);
    set_number(head + AT_SIZE, journal->group_size - OD_JOURNAL_HEAD_BYTES, 4);
    set_number(head + AT_SUM_BEFORE, journal->last.sum, 4);
    set_number(head + AT_SEQUENCE, sealed.sequence, 8);
    set_number(head + AT_TIME, (uint64_t)now_ms, 8);
    memcpy(head + AT_ID, journal->id, sizeof journal->id);
    sealed.sum = od_check_sum((od_slice){head + AT_SIZE, journal->group_size - AT_SIZE});
    set_number(head + AT_SUM, sealed.sum, 4);
    journal->sealed = sealed;
    size_t padded = od_journal_padded(journal->group_size);
    reserve(journal, padded);
    memset(journal->group + journal->group_size, 0, padded - journal->group_size);
    journal->group_size = padded;
}

// --- Segments ------------------------------------------------------------------------------------

struct od_journal_segment *od_journal_segment_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_journal_segment, link);
}

struct od_journal_segment *od_journal_add_segment(struct od_journal *journal, uint64_t first)
{
    struct od_journal_segment *segment = od_allocate(sizeof *segment);
    segment->first = first;
    od_list_init(&segment->link);
    od_list_push_back(&journal->segments, &segment->link);
    return segment;
}

// Not every file system takes O_DIRECT. With it the bytes go past the page cache, which nobody
// would read them from.
static int open_for_writing(const struct od_journal *journal, const char *name, int flags)
{
    const int always = O_RDWR | O_CLOEXEC | O_DSYNC;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", journal->path, name);
    int fd = open(path, always | O_DIRECT | flags, 0600);
    return fd < 0 && errno == EINVAL ? open(path, always | flags, 0600) : fd;
}

static bool write_whole(int fd, const char *at, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t written = pwrite(fd, at, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return false;
        }
        at += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return true;
}

// Of the segment that was opened.
static bool note_file(struct od_journal *journal)
{
    struct stat status;
    if (fstat(journal->fd, &status) != 0)
        return false;
    journal->file = (struct od_store_file){status.st_dev, status.st_ino};
    journal->size = (uint64_t)status.st_size; // One that was used before may be longer.
    return true;
}

// What was not written of it before is not known any more.
bool od_journal_open_segment(struct od_journal *journal, uint64_t first)
{
    char name[OD_JOURNAL_NAME_BYTES];
    od_journal_name(name, first);
    journal->fd = open_for_writing(journal, name, 0);
    bool is_open = journal->fd >= 0 && note_file(journal);
    journal->written_to = journal->size;
    return is_open;
}

// Blocks, not only a length: a group must not find the disk full when it is already written in
// part. [written_to] is where those begin that were not there before.
static bool make_room(int fd, uint64_t size, uint64_t *written_to)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return false;
    *written_to = (uint64_t)status.st_size;
    if (*written_to >= size)
        return true;
    if (fallocate(fd, 0, 0, (off_t)size) == 0)
        return true;
    return errno == EOPNOTSUPP && ftruncate(fd, (off_t)size) == 0;
}

static bool write_head(struct od_journal *journal, int fd)
{
    enum {
        AT_VERSION = 8,
        AT_SUM = 12,
        AT_ID = 16,
        AT_FIRST = 32,
        END = 40,
    };
    char *block = NULL;
    if (posix_memalign((void **)&block, OD_JOURNAL_BLOCK_BYTES, OD_JOURNAL_BLOCK_BYTES) != 0) {
        errno = ENOMEM;
        return false;
    }
    memset(block, 0, OD_JOURNAL_BLOCK_BYTES);
    memcpy(block, OD_JOURNAL_MAGIC, AT_VERSION);
    set_number(block + AT_VERSION, OD_JOURNAL_VERSION, 4);
    memcpy(block + AT_ID, journal->id, sizeof journal->id);
    set_number(block + AT_FIRST, journal->last.sequence + 1, 8);
    set_number(block + AT_SUM, od_check_sum((od_slice){block + AT_ID, END - AT_ID}), 4);
    bool is_written = write_whole(fd, block, OD_JOURNAL_BLOCK_BYTES, 0);
    free(block);
    return is_written;
}

// Whether nobody needs the oldest segment.
static bool has_old(const struct od_journal *journal)
{
    struct od_list *first = journal->segments.next;
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what take_old frees is in no list any more.
    if (first == &journal->segments || first->next == &journal->segments)
        return false;
    uint64_t next = od_journal_segment_of(first->next)->first;
    return next <= journal->applied + 1 &&
           (journal->kept_behind == OD_JOURNAL_KEEPS_NONE || next <= journal->kept_behind + 1);
}

// It becomes the spare one. False: there is none.
static bool take_old(struct od_journal *journal)
{
    char name[OD_JOURNAL_NAME_BYTES];
    struct od_list *first = journal->segments.next;
    if (!has_old(journal))
        return false;
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    od_journal_name(name, od_journal_segment_of(first)->first);
    bool is_taken =
        renameat(journal->directory_fd, name, journal->directory_fd, OD_JOURNAL_SPARE) == 0;
    od_list_remove(first);
    free(od_journal_segment_of(first));
    return is_taken;
}

static void take_all_old(struct od_journal *journal)
{
    if (!has_old(journal) || !od_journal_guard(journal))
        return;               // They stay while somebody reads them.
    while (take_old(journal)) // More than one: they were many while LMDB was slow.
        continue;
    od_journal_unguard(journal);
}

// One that is kept gives back the room it did not need, and what stood there before.
static void leave_segment(struct od_journal *journal)
{
    OD_ASSERT(!journal->is_reader);
    if (journal->fd >= 0 && journal->kept_behind != OD_JOURNAL_KEEPS_NONE &&
        ftruncate(journal->fd, (off_t)journal->at) != 0)
        errno = 0; // It stays as it is.
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
}

// It gets its name when its head is on the disk, so no segment with a name is without one. The one
// before is full and makes way for its descriptor, which may be the last.
static int make_segment(struct od_journal *journal, uint64_t size)
{
    char name[OD_JOURNAL_NAME_BYTES];
    take_all_old(journal);
    leave_segment(journal);
    int fd = open_for_writing(journal, OD_JOURNAL_SPARE, O_CREAT);
    if (fd < 0)
        return errno;
    od_journal_name(name, journal->last.sequence + 1);
    if (make_room(fd, size, &journal->written_to) && write_head(journal, fd) &&
        renameat(journal->directory_fd, OD_JOURNAL_SPARE, journal->directory_fd, name) == 0 &&
        fsync(journal->directory_fd) == 0) {
        journal->fd = fd;
        return 0;
    }
    int code = errno;
    close(fd);
    return code;
}

static bool is_full(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

// Where there is no room for one as it should be, a small one will do.
int od_journal_next_segment(struct od_journal *journal, uint64_t group_bytes)
{
    const uint64_t need = OD_JOURNAL_BLOCK_BYTES + group_bytes;
    const uint64_t sizes[] = {OD_STORE_JOURNAL_SEGMENT_BYTES, OD_STORE_JOURNAL_SMALL_BYTES};
    const size_t count = sizeof sizes / sizeof *sizes;
    int code = ENOSPC;
    for (size_t i = OD_FAULT("journal.small") ? 1 : 0; i < count && is_full(code); i++)
        code = make_segment(journal, need > sizes[i] ? need : sizes[i]);
    if (code != 0)
        return code;
    if (!note_file(journal))
        return errno;
    journal->at = OD_JOURNAL_BLOCK_BYTES;
    od_journal_add_segment(journal, journal->last.sequence + 1);
    return 0;
}

// --- Writing -------------------------------------------------------------------------------------

// Somebody may have taken the file away, or the folder it is in.
static bool has_its_name(const struct od_journal *journal)
{
    char name[OD_JOURNAL_NAME_BYTES], path[PATH_MAX];
    od_journal_name(name, od_journal_segment_of(journal->segments.previous)->first);
    snprintf(path, sizeof path, "%s/%s", journal->path, name);
    return od_store_file_equal(od_store_file_look(path), journal->file);
}

// Zeros, where the group goes and behind it. A large group needs none: there is no other for which
// it would be written at once.
static bool write_ahead(struct od_journal *journal)
{
    static char zeros[OD_STORE_JOURNAL_AHEAD_BYTES]
        __attribute__((aligned(OD_JOURNAL_BLOCK_BYTES)));
    uint64_t end = journal->at + journal->group_size;
    if (end <= journal->written_to)
        return true;
    if (journal->group_size < sizeof zeros) {
        uint64_t from = journal->written_to > journal->at ? journal->written_to : journal->at;
        uint64_t left = journal->size - from;
        size_t size = left < sizeof zeros ? (size_t)left : sizeof zeros;
        if (!write_whole(journal->fd, zeros, size, from))
            return false;
        end = from + size;
    }
    journal->written_to = end;
    return true;
}

// The group may be on the disk in part or whole, and was refused: it must not be played. When not
// even its head can be taken away, nobody knows what the next start would find.
static int take_back(struct od_journal *journal, int code)
{
    memset(journal->group, 0, OD_JOURNAL_BLOCK_BYTES);
    if (!write_whole(journal->fd, journal->group, OD_JOURNAL_BLOCK_BYTES, journal->at))
        journal->broken = code;
    return code;
}

static int write_group(struct od_journal *journal)
{
    bool fits = journal->fd >= 0 && journal->at + journal->group_size <= journal->size;
    int code = fits ? 0 : od_journal_next_segment(journal, journal->group_size);
    if (code != 0)
        return code;
    if (!write_ahead(journal))
        return errno;
    if (!write_whole(journal->fd, journal->group, journal->group_size, journal->at))
        return take_back(journal, errno);
    if (!has_its_name(journal))
        return journal->broken = ESTALE;
    journal->at += journal->group_size;
    journal->last = journal->sealed;
    return 0;
}

int od_journal_commit(struct od_journal *journal)
{
    OD_ASSERT(journal->group_size >= OD_JOURNAL_HEAD_BYTES);
    seal(journal);
    int code = journal->broken != 0 ? journal->broken : write_group(journal);
    forget_group(journal);
    return code;
}

struct od_journal_moment od_journal_last(const struct od_journal *journal)
{
    return journal->last;
}

int od_journal_broken(const struct od_journal *journal)
{
    return journal->broken;
}

void od_journal_applied(struct od_journal *journal, uint64_t sequence)
{
    OD_ASSERT(sequence <= journal->last.sequence);
    journal->applied = sequence;
    if (journal->kept_behind !=
        OD_JOURNAL_KEEPS_NONE) // Otherwise nobody has said yet what is kept.
        take_all_old(journal);
}

void od_journal_keep(struct od_journal *journal, uint64_t sequence)
{
    OD_ASSERT(!journal->is_reader);
    bool may_drop = sequence != journal->kept_behind && sequence != OD_JOURNAL_KEEPS_NONE;
    journal->kept_behind = sequence;
    if (may_drop)
        take_all_old(journal);
}

int od_journal_close_segment(struct od_journal *journal)
{
    bool has_groups = journal->fd >= 0 && journal->at > OD_JOURNAL_BLOCK_BYTES;
    return has_groups && journal->broken == 0 ? od_journal_next_segment(journal, 0) : 0;
}

// --- From the first open to the last close -------------------------------------------------------

static bool open_directory(struct od_journal *journal, const char *directory, struct od_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/journal", directory);
    journal->path = od_text_copy(od_slice_of(path));
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return od_error_errno(err, "cannot make %s", path);
    journal->directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return journal->directory_fd >= 0 || od_error_errno(err, "cannot open %s", path);
}

bool od_journal_open(struct od_journal **result, const char *directory,
                     const struct od_journal_mark *mark, od_journal_play *play, void *context,
                     struct od_error *err)
{
    struct od_journal *journal = od_allocate_zeroed(sizeof *journal);
    const struct od_journal_visit visit = {.play = play, .context = context};
    od_journal_init(journal, mark);
    *result = journal;
    if (open_directory(journal, directory, err) && od_journal_play_all(journal, &visit, err)) {
        if (journal->fd < 0) // When it cannot be made yet, the first write tries again.
            (void)od_journal_next_segment(journal, 0);
        journal->kept_behind = OD_JOURNAL_KEEPS_NONE; // Until here nobody could say more.
        return true;
    }
    od_journal_close(journal);
    *result = NULL;
    return false;
}

void od_journal_init(struct od_journal *journal, const struct od_journal_mark *mark)
{
    *journal = (struct od_journal){.fd = -1, .directory_fd = -1, .kept_behind = 0};
    journal->applied = mark->moment.sequence;
    journal->last = mark->moment;
    memcpy(journal->id, mark->id, sizeof journal->id);
    od_list_init(&journal->segments);
}

void od_journal_close(struct od_journal *journal)
{
    if (journal == NULL)
        return;
    while (!od_list_is_empty(&journal->segments))
        free(od_journal_segment_of(od_list_pop_front(&journal->segments)));
    if (journal->fd >= 0)
        close(journal->fd);
    if (journal->directory_fd >= 0)
        close(journal->directory_fd);
    free(journal->group);
    free(journal->path);
    free(journal);
}
