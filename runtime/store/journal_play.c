#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fault.h"
#include "base/moment.h"
#include "codec/check_sum.h"
#include "store/journal.h"
#include "store/journal_inner.h"
#include "store/names.h"
#include "store/open_file.h"

struct playing {
    struct od_journal *journal;
    const struct od_journal_visit *visit;
    struct od_error *err;
    struct od_journal_moment mark; // What LMDB has; zeros when its check sum is not known.
    od_time_ms time_ms;            // Of the last group, also of one that is left out.
    uint64_t before_again;         // The last group so far, if the clock was set back.
    bool is_over;                  // What follows is later than is asked for.
    bool is_damaged;               // The last error is about the segments.
    int read_code;                 // Why the last bytes could not be read; 0: they could.

    uint64_t first; // Of the segment that is read.
    int fd;
    uint64_t size;
    struct od_bytes bytes; // Of one group.
};

struct group {
    struct od_journal_moment moment;
    od_time_ms clock_ms;  // What the wall clock said.
    uint32_t before;      // Check sum of the one before.
    uint64_t bytes;       // With its head.
    od_slice submissions; // In the bytes that were read.
};

static const char *advice(const struct playing *playing)
{
    return playing->journal->is_reader
               ? ""
               : "; restore the directory from a backup, or, to go on without what was "
                 "acknowledged last, move the folder journal away";
}

// Behind what a reader is told: what he can have nevertheless.
static bool tell_what_is_whole(const struct playing *playing)
{
    const struct od_journal_moment last = playing->journal->last;
    size_t size = strlen(playing->err->text);
    char at[OD_MOMENT_BYTES];
    if (playing->journal->is_reader && last.time_ms != 0)
        snprintf(playing->err->text + size, sizeof playing->err->text - size,
                 "; what came before is whole, up to group %" PRIu64 ": --at %s restores that",
                 last.sequence, od_moment_text(last.time_ms, at));
    return false;
}

// What is there nobody knows: it is not taken for a group that was never whole.
static bool refuse_unread(struct playing *playing, uint64_t offset)
{
    errno = playing->read_code;
    return od_error_errno(playing->err, "%s/%020" PRIu64 " cannot be read at byte %" PRIu64,
                          playing->journal->path, playing->first, offset);
}

static bool refuse(struct playing *playing, uint64_t offset, const char *what)
{
    if (playing->read_code != 0)
        return refuse_unread(playing, offset);
    playing->is_damaged = true;
    od_error_set(playing->err, "%s/%020" PRIu64 " is damaged at byte %" PRIu64 ": %s%s",
                 playing->journal->path, playing->first, offset, what, advice(playing));
    return tell_what_is_whole(playing);
}

// --- The segments there are ----------------------------------------------------------------------

static bool first_of(const char *name, uint64_t *first)
{
    if (strlen(name) != OD_JOURNAL_NAME_BYTES - 1 || strspn(name, "0123456789") != strlen(name))
        return false;
    *first = strtoull(name, NULL, 10);
    return true;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static bool list_segments(struct od_journal *journal, struct od_error *err)
{
    uint64_t *firsts = NULL, first;
    size_t count = 0, capacity = 0;
    const char *name;
    int fd = dup(journal->directory_fd);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        od_error_errno(err, "cannot read %s", journal->path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    rewinddir(directory); // The place in it is shared with the descriptor it comes from.
    while ((name = od_names_next(directory)) != NULL) {
        if (!first_of(name, &first))
            continue;
        if (count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            firsts = od_reallocate(firsts, capacity * sizeof *firsts);
        }
        firsts[count++] = first;
    }
    bool is_whole = errno == 0 || od_error_errno(err, "cannot read %s", journal->path);
    closedir(directory);
    if (count > 0)
        qsort(firsts, count, sizeof *firsts, by_number);
    for (size_t i = 0; is_whole && i < count; i++)
        od_journal_add_segment(journal, firsts[i]);
    free(firsts);
    return is_whole;
}

static bool is_last(const struct od_journal *journal, const struct od_journal_segment *segment)
{
    return segment->link.next == &journal->segments;
}

// --- Reading one segment -------------------------------------------------------------------------

static ssize_t read_some(const struct playing *playing, char *at, size_t size, uint64_t offset)
{
    errno = EIO;
    return OD_FAULT("journal.unread") ? -1 : pread(playing->fd, at, size, (off_t)offset);
}

static bool read_at(struct playing *playing, uint64_t offset, size_t size)
{
    od_bytes_clear(&playing->bytes);
    playing->read_code = 0;
    char *at = od_bytes_reserve(&playing->bytes, size);
    while (playing->bytes.size < size) {
        ssize_t count = read_some(playing, at + playing->bytes.size, size - playing->bytes.size,
                                  offset + playing->bytes.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            playing->read_code = errno;
        if (count <= 0)
            return false;
        playing->bytes.size += (size_t)count;
    }
    return true;
}

// The head of a group of this directory, whatever its number. [size] is what it says.
static bool read_head(struct playing *playing, uint64_t offset, struct group *group, uint32_t *size)
{
    if (!read_at(playing, offset, OD_JOURNAL_HEAD_BYTES))
        return false;
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&playing->bytes));
    bool is_group = od_cursor_u32(&cursor) == OD_JOURNAL_GROUP_MARK;
    group->moment.sum = od_cursor_u32(&cursor);
    *size = od_cursor_u32(&cursor);
    group->before = od_cursor_u32(&cursor);
    group->moment.sequence = od_cursor_u64(&cursor);
    group->clock_ms = group->moment.time_ms = (od_time_ms)od_cursor_u64(&cursor);
    od_slice id = od_cursor_bytes(&cursor, OD_STORE_JOURNAL_ID_BYTES);
    return is_group && !cursor.failed && memcmp(id.at, playing->journal->id, id.size) == 0 &&
           offset + OD_JOURNAL_HEAD_BYTES + *size <= playing->size;
}

// False when there is no whole group.
static bool read_group(struct playing *playing, uint64_t offset, struct group *group)
{
    enum {
        SUMMED_FROM = 8,
    };
    uint32_t size;
    if (!read_head(playing, offset, group, &size) ||
        !read_at(playing, offset, OD_JOURNAL_HEAD_BYTES + size))
        return false;
    od_slice bytes = od_bytes_slice(&playing->bytes);
    group->bytes = bytes.size;
    group->submissions = od_slice_from(bytes, OD_JOURNAL_HEAD_BYTES);
    return od_check_sum(od_slice_from(bytes, SUMMED_FROM)) == group->moment.sum;
}

static bool check_segment_head(struct playing *playing)
{
    if (!read_at(playing, 0, OD_JOURNAL_BLOCK_BYTES))
        return refuse(playing, 0, "it has no head");
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&playing->bytes));
    od_slice magic = od_cursor_bytes(&cursor, strlen(OD_JOURNAL_MAGIC));
    uint32_t version = od_cursor_u32(&cursor), sum = od_cursor_u32(&cursor);
    const char *summed = cursor.at;
    od_slice id = od_cursor_bytes(&cursor, OD_STORE_JOURNAL_ID_BYTES);
    uint64_t first = od_cursor_u64(&cursor);
    if (memcmp(magic.at, OD_JOURNAL_MAGIC, magic.size) != 0 || version == 0)
        return refuse(playing, 0, "it is no segment of a journal");
    if (version > OD_JOURNAL_VERSION)
        return od_error_set(playing->err,
                            "%s/%020" PRIu64 " was written by a newer open-do (version %u, this "
                            "program knows %u); use that one",
                            playing->journal->path, playing->first, version, OD_JOURNAL_VERSION);
    if (od_check_sum((od_slice){summed, OD_STORE_JOURNAL_ID_BYTES + sizeof first}) != sum)
        return refuse(playing, 0, "its head has a wrong check sum");
    if (memcmp(id.at, playing->journal->id, id.size) != 0)
        return od_error_set(playing->err,
                            "%s/%020" PRIu64 " belongs to another data directory than the data.mdb "
                            "beside it%s",
                            playing->journal->path, playing->first, advice(playing));
    return first == playing->first || refuse(playing, 0, "it has the name of another segment");
}

static bool play_group(struct playing *playing, uint64_t offset, const struct group *group)
{
    struct od_cursor cursor = od_cursor_of(group->submissions);
    const struct od_journal_visit *visit = playing->visit;
    if (group->moment.sequence <= playing->journal->applied || visit->play == NULL)
        return true;
    while (!od_cursor_at_end(&cursor)) {
        od_slice submission = od_cursor_string(&cursor);
        if (!cursor.failed &&
            !visit->play(visit->context, &group->moment, submission, playing->err))
            return false;
    }
    return !cursor.failed || refuse(playing, offset, "a group holds what is no submission");
}

// Only the last group can be torn. A whole one behind it shows that this is something else.
static bool has_later_group(struct playing *playing, uint64_t offset, uint64_t expected)
{
    struct group group;
    for (; offset + OD_JOURNAL_BLOCK_BYTES <= playing->size; offset += OD_JOURNAL_BLOCK_BYTES) {
        uint32_t size;
        if (read_head(playing, offset, &group, &size) && group.moment.sequence >= expected &&
            read_group(playing, offset, &group))
            return true;
    }
    return false;
}

// What LMDB has is only stepped over: a start must not take the longer the more was written.
static bool next_group(struct playing *playing, uint64_t offset, uint64_t sequence,
                       struct group *group)
{
    uint32_t size;
    if (sequence > playing->journal->applied && !playing->is_over)
        return read_group(playing, offset, group) && group->moment.sequence == sequence;
    if (!read_head(playing, offset, group, &size) || group->moment.sequence != sequence)
        return false;
    group->bytes = OD_JOURNAL_HEAD_BYTES + size;
    group->submissions = (od_slice){0};
    return true;
}

// Of what LMDB has already a head is all that was looked at, and LMDB knows better.
static bool follows(const struct playing *playing, const struct group *group)
{
    const struct od_journal_moment last = playing->journal->last;
    OD_ASSERT(group->moment.sequence != 0);
    return group->moment.sequence <= playing->journal->applied || last.sum == 0 ||
           group->before == 0 || group->before == last.sum;
}

static bool is_later(const struct playing *playing, const struct od_journal_moment *moment)
{
    const struct od_journal_visit *visit = playing->visit;
    return (visit->until_ms != 0 && moment->time_ms > visit->until_ms) ||
           (visit->until_group != 0 && moment->sequence > visit->until_group);
}

// Of a group that is left out. A clock that was behind for a while leaps over the moment that is
// asked for when it is set right; one that was ahead passes it a second time.
static void look_at_clock(struct playing *playing, const struct group *group)
{
    const struct od_journal_visit *visit = playing->visit;
    bool was_set_back = group->moment.time_ms - group->clock_ms >= OD_STORE_CLOCK_BACK_MS;
    playing->time_ms = group->moment.time_ms;
    if (!was_set_back)
        playing->before_again = 0;
    else if (group->clock_ms <= visit->until_ms)
        playing->before_again = group->moment.sequence;
    else if (playing->before_again != 0)
        *visit->again = playing->before_again;
}

static bool take_group(struct playing *playing, uint64_t at, const struct group *group)
{
    struct od_journal *journal = playing->journal;
    if (!follows(playing, group))
        return refuse(playing, at,
                      "the group does not follow the one before it: they are of two copies of the "
                      "directory, which both went on");
    if (!play_group(playing, at, group))
        return false;
    bool is_mark = group->moment.sequence == playing->mark.sequence;
    journal->last = is_mark ? playing->mark : group->moment;
    playing->time_ms = journal->last.time_ms;
    return true;
}

// From [at] on, where group [sequence] is expected; leaves both where the next would be.
static bool play_whole_groups(struct playing *playing, uint64_t *at, uint64_t *sequence)
{
    struct group group;
    while (next_group(playing, *at, *sequence, &group)) {
        if (group.moment.time_ms < playing->time_ms)
            group.moment.time_ms = playing->time_ms;
        playing->is_over = playing->is_over || is_later(playing, &group.moment);
        if (playing->is_over && playing->visit->again == NULL)
            return true;
        if (playing->is_over)
            look_at_clock(playing, &group);
        else if (!take_group(playing, *at, &group))
            return false;
        *at += od_journal_padded(group.bytes);
        ++*sequence;
    }
    return true;
}

// A later group that is whole says that this is damage; unless it is being written, and this one
// became whole before the later one did.
static bool play_last_groups(struct playing *playing, uint64_t *at, uint64_t *sequence)
{
    struct group group;
    while (has_later_group(playing, *at, *sequence)) {
        if (!next_group(playing, *at, *sequence, &group))
            return refuse(playing, *at, "a group is not whole, and later ones are");
        if (!play_whole_groups(playing, at, sequence) || playing->is_over)
            return playing->is_over;
    }
    playing->journal->at = *at;
    return true;
}

// A group was begun there: unlike a segment that is over, or one that was used before.
static bool has_torn_group(struct playing *playing, uint64_t at, uint64_t sequence)
{
    if (!read_at(playing, at, OD_JOURNAL_HEAD_BYTES))
        return at < playing->size;
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&playing->bytes));
    bool has_mark = od_cursor_u32(&cursor) == OD_JOURNAL_GROUP_MARK;
    (void)od_cursor_u64(&cursor);
    (void)od_cursor_u32(&cursor);
    bool has_number = od_cursor_u64(&cursor) == sequence;
    (void)od_cursor_u64(&cursor);
    od_slice id = od_cursor_bytes(&cursor, OD_STORE_JOURNAL_ID_BYTES);
    OD_ASSERT(!cursor.failed);
    return has_number && (has_mark || memcmp(id.at, playing->journal->id, id.size) == 0);
}

static bool play_groups(struct playing *playing, const struct od_journal_segment *segment)
{
    const struct od_journal_visit *visit = playing->visit;
    uint64_t at = OD_JOURNAL_BLOCK_BYTES, sequence = segment->first;
    if (!play_whole_groups(playing, &at, &sequence))
        return false;
    if (playing->is_over)
        return true;
    if (playing->read_code != 0)
        return refuse_unread(playing, at);
    if (is_last(playing->journal, segment)) {
        if (!play_last_groups(playing, &at, &sequence))
            return false;
        if (visit->is_closed && !playing->is_over && has_torn_group(playing, at, sequence))
            return refuse(playing, at, "the last group is not whole");
    } else if (sequence != od_journal_segment_of(segment->link.next)->first) {
        return refuse(playing, at, "a group is missing or is not whole");
    }
    return visit->segment == NULL ||
           visit->segment(visit->context, segment->first, at, playing->err);
}

static bool play_segment(struct playing *playing, const struct od_journal_segment *segment)
{
    char name[OD_JOURNAL_NAME_BYTES];
    struct stat status;
    od_journal_name(name, segment->first);
    playing->first = segment->first;
    playing->fd = od_open_file(playing->journal->directory_fd, name);
    if (playing->fd < 0 || fstat(playing->fd, &status) != 0) {
        od_error_errno(playing->err, "cannot read %s/%s", playing->journal->path, name);
        if (playing->fd >= 0)
            close(playing->fd);
        return false;
    }
    playing->size = (uint64_t)status.st_size;
    bool is_played = check_segment_head(playing) && play_groups(playing, segment);
    close(playing->fd);
    return is_played;
}

// --- All of them ---------------------------------------------------------------------------------

// The segment with the first group that LMDB does not have: the last that begins before or with it.
static struct od_journal_segment *begin_with(const struct od_journal *journal)
{
    struct od_journal_segment *begin = NULL;
    OD_LIST_EACH (link, &journal->segments) {
        if (begin == NULL || od_journal_segment_of(link)->first <= journal->applied + 1)
            begin = od_journal_segment_of(link);
    }
    return begin;
}

// Who asks for the last moment before the damage (as tell_what_is_whole advises) can have it.
static bool has_all_asked(const struct playing *playing)
{
    const struct od_journal_visit *visit = playing->visit;
    const struct od_journal_moment last = playing->journal->last;
    return (visit->until_ms != 0 && last.time_ms >= visit->until_ms) ||
           (visit->until_group != 0 && last.sequence >= visit->until_group);
}

// What data.mdb or a note says that was there is missing at the end.
static bool check_end(const struct playing *playing)
{
    const struct od_journal *journal = playing->journal;
    bool has_segments = !od_list_is_empty(&journal->segments);
    const struct od_journal_visit *visit = playing->visit;
    uint64_t known = visit->known > visit->until_group ? visit->known : visit->until_group;
    if (has_segments && known < journal->applied)
        known = journal->applied; // What is in the base was in a segment before.
    if (!journal->is_reader || playing->is_over || journal->last.sequence >= known ||
        has_all_asked(playing))
        return true;
    od_error_set(playing->err,
                 "%s ends with group %" PRIu64 ", and there were more, up to %" PRIu64
                 ": segments are missing or damaged at the end",
                 journal->path, journal->last.sequence, known);
    return tell_what_is_whole(playing);
}

// What is left out is read for its clock alone, whatever else is the matter with it.
static bool has_ended(const struct playing *playing)
{
    return playing->is_over && playing->visit->again == NULL;
}

static bool play_from(struct playing *playing, struct od_journal_segment *begin)
{
    struct od_journal *journal = playing->journal;
    const struct od_journal_moment mark = journal->last;
    const char *what = journal->is_reader ? "the base" : "data.mdb";
    if (begin->first > journal->applied + 1) {
        od_error_set(playing->err,
                     "%s begins with group %" PRIu64 ", and %s has only those up to %" PRIu64
                     ": segments are missing, or %s is an older one%s",
                     journal->path, begin->first, what, journal->applied, what, advice(playing));
        return tell_what_is_whole(playing);
    }
    for (struct od_list *link = &begin->link; link != &journal->segments && !has_ended(playing);
         link = link->next) {
        if (play_segment(playing, od_journal_segment_of(link)) || playing->is_over)
            continue;
        if (!playing->is_damaged || !has_all_asked(playing))
            return false;
        playing->is_over = true;
    }
    if (playing->before_again != 0)
        *playing->visit->again = playing->before_again;
    if (!check_end(playing))
        return false;
    if (journal->last.sequence < journal->applied) {
        journal->last = mark; // LMDB has it all; these segments are of no use.
        return true;
    }
    if (journal->is_reader)
        return true;
    struct od_journal_segment *last = od_journal_segment_of(journal->segments.previous);
    return od_journal_open_segment(journal, last->first) ||
           od_error_errno(playing->err, "cannot write to %s", journal->path);
}

bool od_journal_play_all(struct od_journal *journal, const struct od_journal_visit *visit,
                         struct od_error *err)
{
    struct playing playing = {.journal = journal, .visit = visit, .err = err};
    if (journal->last.sum != 0)
        playing.mark = journal->last;
    if (!list_segments(journal, err))
        return false;
    struct od_journal_segment *begin = begin_with(journal);
    bool is_played = begin == NULL ? check_end(&playing) : play_from(&playing, begin);
    if (visit->is_damaged != NULL)
        *visit->is_damaged = !is_played && playing.is_damaged;
    od_bytes_deinit(&playing.bytes);
    return is_played;
}
