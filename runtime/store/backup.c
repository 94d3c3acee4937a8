#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "codec/check_sum.h"
#include "store/env.h"
#include "store/journal_read.h"
#include "store/open_file.h"
#include "store/unfinished.h"

enum {
    note_bytes_max = 512,
};

struct making {
    struct od_backup *backup;
    const char *journal; // Where the segments are,
    const char *folder;  // and where they go.
    struct od_progress *progress;
};

// --- The note ------------------------------------------------------------------------------------

static uint32_t sum_of(const char *note, int size)
{
    return od_check_sum((od_slice){note, (size_t)size});
}

static bool write_note(const struct od_backup *backup, const char *folder, struct od_error *err)
{
    char path[PATH_MAX], note[note_bytes_max], id[(size_t)2 * OD_STORE_JOURNAL_ID_BYTES + 1];
    od_hex_put(id, (od_slice){(const char *)backup->base.id, sizeof backup->base.id});
    id[sizeof id - 1] = '\0';
    int size = snprintf(note, sizeof note,
                        "open-do backup 1\nof %s\nbase %" PRIu64 " %" PRId64 "\nlast %" PRIu64
                        " %" PRId64 "\nat %" PRId64 "\nbytes %" PRIu64 "\n",
                        id, backup->base.moment.sequence, backup->base.moment.time_ms,
                        backup->last.sequence, backup->last.time_ms, backup->at_ms, backup->bytes);
    size += snprintf(note + size, sizeof note - (size_t)size, "sum %08" PRIx32 "\n",
                     sum_of(note, size));
    OD_ASSERT(size < note_bytes_max);
    OD_ASSERT(backup->last.sequence >= backup->base.moment.sequence);
    snprintf(path, sizeof path, "%s/" OD_BACKUP_NAME, folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return od_error_errno(err, "cannot make %s", path);
    int code = od_copy_write(fd, note, (size_t)size);
    int closed = od_copy_close(fd);
    errno = code != 0 ? code : closed;
    return errno == 0 || od_error_errno(err, "cannot write %s", path);
}

// Behind [word] comes a number.
static bool take(const char **at, const char *word, uint64_t *number)
{
    size_t size = strlen(word);
    char *end = NULL;
    if (strncmp(*at, word, size) != 0)
        return false;
    *number = strtoull(*at + size, &end, 10);
    bool is_there = end != *at + size;
    *at = end;
    return is_there;
}

static bool take_id(const char **at, uint8_t id[OD_STORE_JOURNAL_ID_BYTES])
{
    static const char head[] = "open-do backup 1\nof ";
    if (strncmp(*at, head, sizeof head - 1) != 0)
        return false;
    *at += sizeof head - 1;
    for (size_t i = 0; i < OD_STORE_JOURNAL_ID_BYTES; i++, *at += 2) {
        int byte = (*at)[0] == '\0' ? -1 : od_hex_pair(*at);
        if (byte < 0)
            return false;
        id[i] = (uint8_t)byte;
    }
    return true;
}

static bool read_note(struct od_backup *backup, const char *note)
{
    const char *at = note;
    uint64_t base_ms, last_ms, at_ms;
    if (!take_id(&at, backup->base.id) || !take(&at, "\nbase ", &backup->base.moment.sequence) ||
        !take(&at, " ", &base_ms) || !take(&at, "\nlast ", &backup->last.sequence) ||
        !take(&at, " ", &last_ms) || !take(&at, "\nat ", &at_ms) ||
        !take(&at, "\nbytes ", &backup->bytes) || strncmp(at, "\nsum ", 5) != 0)
        return false;
    backup->base.moment.time_ms = (od_time_ms)base_ms;
    backup->last.time_ms = (od_time_ms)last_ms;
    backup->at_ms = (od_time_ms)at_ms;
    return strtoul(at + 5, NULL, 16) == sum_of(note, (int)(at + 1 - note));
}

bool od_backup_look(struct od_backup *backup, const char *directory, bool *is_there,
                    struct od_error *err)
{
    char path[PATH_MAX], note[note_bytes_max] = "";
    snprintf(path, sizeof path, "%s/" OD_BACKUP_NAME, directory);
    int fd = od_open_file(AT_FDCWD, path);
    *is_there = fd >= 0;
    if (fd < 0)
        return errno == ENOENT || od_error_errno(err, "cannot read %s", path);
    ssize_t size = read(fd, note, sizeof note - 1);
    close(fd);
    return (size > 0 && read_note(backup, note)) ||
           od_error_set(err, "%s is damaged, or of a newer open-do", path);
}

// --- Making --------------------------------------------------------------------------------------

static bool copy_segment(void *context, uint64_t first, uint64_t bytes, struct od_error *err)
{
    struct making *making = context;
    char from[PATH_MAX], to[PATH_MAX];
    OD_ASSERT(making->folder != NULL);
    OD_ASSERT(bytes > 0);
    snprintf(from, sizeof from, "%s/%020" PRIu64, making->journal, first);
    snprintf(to, sizeof to, "%s/%020" PRIu64, making->folder, first);
    struct od_copy copy = {
        .from = od_open_file(AT_FDCWD, from),
        .to = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
        .bytes = bytes,
    };
    int code = copy.from < 0 || copy.to < 0 ? errno : od_copy_run(&copy);
    int closed = copy.to < 0 ? 0 : od_copy_close(copy.to);
    if (copy.from >= 0)
        close(copy.from);
    code = code != 0 ? code : closed;
    code = code == 0 && copy.done != bytes ? EIO : code; // Somebody has cut it.
    making->backup->bytes += copy.done;
    if (making->progress != NULL)
        making->progress->step(making->progress, "copied", making->backup->bytes, 0);
    errno = code;
    return code == 0 || od_error_errno(err, "cannot copy %s to %s", from, to);
}

// All that was acknowledged before [at_ms] is in the segments that have their names by then.
static bool copy_segments(struct making *making, struct od_error *err)
{
    struct od_backup *backup = making->backup;
    const struct od_journal_visit visit = {.segment = copy_segment, .context = making};
    OD_ASSERT(backup->bytes > 0); // The base.
    backup->at_ms = od_clock_wall_ms();
    return od_journal_read(making->journal, &backup->base, &visit, &backup->last, err);
}

static bool copy_base(struct making *making, const char *from, struct od_error *err)
{
    char path[PATH_MAX], named[PATH_MAX], name[OD_BASE_NAME_BYTES];
    struct od_base base;
    struct od_env *env;
    if (!od_env_open(&env, from, false, err))
        return false;
    snprintf(path, sizeof path, "%s/base", making->folder);
    bool is_made = od_base_make(&base, path, env, making->progress, err);
    od_env_close(env);
    if (!is_made)
        return false;
    making->backup->base = base.mark;
    making->backup->bytes = base.bytes;
    od_base_name(name, base.mark.moment.sequence);
    snprintf(named, sizeof named, "%s/%s", making->folder, name);
    return rename(path, named) == 0 || od_error_errno(err, "cannot rename %s", path);
}

static bool refuse_source(const char *from, const char *journal, struct od_error *err)
{
    char data[PATH_MAX];
    int code = errno;
    snprintf(data, sizeof data, "%s/data.mdb", from);
    if (code == ENOENT && access(data, F_OK) == 0)
        return od_error_set(err,
                            "%s was written by an open-do that kept no journal; start this one "
                            "over it once",
                            from);
    errno = code;
    return od_error_errno(err, "%s is no data directory: cannot read %s", from, journal);
}

bool od_backup_make(struct od_backup *backup, const char *from, const char *to,
                    struct od_progress *progress, struct od_error *err)
{
    char journal[PATH_MAX];
    struct od_unfinished unfinished;
    snprintf(journal, sizeof journal, "%s/journal", from);
    int hold_fd = od_journal_hold(journal);
    if (hold_fd < 0)
        return refuse_source(from, journal, err);
    *backup = (struct od_backup){0};
    bool is_begun = od_unfinished_begin(&unfinished, to, err);
    struct making making = {backup, journal, is_begun ? unfinished.folder : NULL, progress};
    bool is_made = is_begun && copy_base(&making, from, err) && copy_segments(&making, err) &&
                   write_note(backup, unfinished.folder, err);
    close(hold_fd);
    if (!is_made && is_begun)
        od_unfinished_abandon(&unfinished);
    return is_made && od_unfinished_end(&unfinished, err);
}
