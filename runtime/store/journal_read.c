#include "store/journal_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/journal.h"
#include "store/journal_inner.h"

int od_journal_hold(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_SH) != 0) {
        if (errno == EINTR)
            continue;
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

bool od_journal_guard(const struct od_journal *journal)
{
    return flock(journal->directory_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

void od_journal_unguard(const struct od_journal *journal)
{
    flock(journal->directory_fd, LOCK_UN);
}

bool od_journal_read(const char *folder, const struct od_journal_mark *mark,
                     const struct od_journal_visit *visit, struct od_journal_moment *last,
                     struct od_error *err)
{
    struct od_journal *journal = od_allocate_zeroed(sizeof *journal);
    od_journal_init(journal, mark);
    journal->is_reader = true;
    journal->path = od_text_copy(od_slice_of(folder));
    journal->directory_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_read = journal->directory_fd >= 0 ? od_journal_play_all(journal, visit, err)
                                              : od_error_errno(err, "cannot read %s", folder);
    OD_ASSERT(journal->fd < 0);
    *last = journal->last;
    od_journal_close(journal);
    return is_read;
}
