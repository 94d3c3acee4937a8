// A dry run: a process of its own loads the script from the disk and says how that went.
//
// It stands before every load, at the start, at a reload and for `open-do check`, so that code that
// never ends or brings its process down is met where no object lives. Its verdict brings the files
// it has read (link/files.h); workers then load these and not the disk.
//
// There is never more than one at a time: to start anew gives up the one that runs. Starting a
// process takes far longer than loading a script, the more so on a busy machine; where a save is
// expected to be followed by another one, the next process is started ahead (od_dry_run_prepare)
// and waits.
//
// Process: main. Owner: embedded; od_dry_run_close, then the loop must run once more.

#ifndef OD_MAIN_PROCESSES_DRY_RUN_H
#define OD_MAIN_PROCESSES_DRY_RUN_H

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/timers.h"
#include "link/files.h"
#include "link/link.h"
#include "link/loop.h"
#include "link/options.h"
#include "main/processes/process.h"

struct od_verdict { // Borrowed for the call.
    bool ok;
    od_slice why;    // Not ok: for people, with file, line and source.
    od_slice assets; // Ok: the folder of assets, as the script names it; empty: none.
    bool has_entry;
    struct od_cursor namespaces; // str as stored, str as called, as often as it says.
    uint32_t namespace_count;
    od_slice files; // Empty when the process could not say; before the first: the script alone.
};

// The body of LOADED behind the version; false when it makes no sense.
OD_MUST_CHECK bool od_verdict_read(struct od_cursor *cursor, struct od_verdict *verdict);

void od_verdict_put(struct od_bytes *bytes, const struct od_verdict *verdict); // To be kept.

// "rooms, counters", and what else there is.
void od_verdict_describe(const struct od_verdict *verdict, struct od_bytes *text);

struct od_dry_run {
    struct od_loop *loop;
    const struct od_options *options;
    void (*judged)(void *owner, const struct od_verdict *verdict);
    void *owner;
    od_slice files; // To be loaded; empty: those on the disk. May be changed before a start.
    struct od_file_mark mark; // How the script looked when the try began.
    bool has_loaded;          // A script, at any time.
    struct od_link link;
    bool has_link;
    struct od_process process;
    bool is_asked;         // It tries; until then it waits.
    struct od_bytes heard; // What it has said: LOADED without the version.
    bool is_late;
    bool starts_anew; // When the one that runs has ended.
    struct od_timer timer;
    uv_signal_t child_signal;
};

// [judged] is called once for each start that is not followed by another one before it is over.
void od_dry_run_open(struct od_dry_run *dry_run, struct od_loop *loop,
                     const struct od_options *options,
                     void (*judged)(void *owner, const struct od_verdict *verdict), void *owner);
void od_dry_run_start(struct od_dry_run *dry_run);
void od_dry_run_prepare(struct od_dry_run *dry_run); // So that the next start is a quick one.
void od_dry_run_rest(struct od_dry_run *dry_run);    // Ends the one that only waits.
void od_dry_run_close(struct od_dry_run *dry_run);   // Ends the one that runs; nobody is told.

#endif
