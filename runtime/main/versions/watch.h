// The watch: tells when one of the files of a script has changed.
//
// The system is asked to report what happens in the *directories* of the files, because a file that
// an editor replaces by renaming is another one afterwards, and a module that is missing can only
// be seen where it will appear. A report is no more than a reason to look; what counts is whether a
// file looks otherwise than when it was read (its mark, link/files.h), so a log file or a database
// in the same directory costs a few system calls, and a link that points elsewhere is noticed too.
//
// Editors save in several steps. So two things are told: that files have begun to change, and, when
// nothing has changed for OD_WATCH_QUIET_MS, that it is over. What is done in between is mostly not
// in vain: the usual save is whole by the time it is noticed.
//
// Process: main. Owner: embedded; od_watch_close, then the loop must run once more.

#ifndef OD_MAIN_VERSIONS_WATCH_H
#define OD_MAIN_VERSIONS_WATCH_H

#include "base/timers.h"
#include "link/files.h"
#include "link/loop.h"

struct od_watch_events {
    void (*began)(void *owner);
    // [changed_again]: after [began] was told there was more.
    void (*ended)(void *owner, bool changed_again);
};

struct od_watched;
struct od_watched_directory;

struct od_watch {
    struct od_loop *loop;
    const struct od_watch_events *events;
    void *owner;
    char *folder; // Of the script, with "/" at the end; or empty.
    struct od_watched *files;
    size_t file_count;
    struct od_watched_directory **directories;
    size_t directory_count;
    struct od_timer timer;
    bool is_changing; // A change was seen, and it is not quiet yet.
    bool has_changed_again;
};

// [script] as in the options.
void od_watch_open(struct od_watch *watch, struct od_loop *loop, const char *script,
                   const struct od_watch_events *events, void *owner);
void od_watch_close(struct od_watch *watch);

// Watches [files] instead of those before; a file that no longer looks like its mark has changed.
// With [more], further ones.
void od_watch_set(struct od_watch *watch, od_slice files);
void od_watch_add(struct od_watch *watch, od_slice more);

// Whether one of [files] looks otherwise than its mark.
bool od_watch_differs(const struct od_watch *watch, od_slice files);

#endif
