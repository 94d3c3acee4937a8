// The archive command: one run of it for each file, one file at a time, again until it says 0.
//
// Process: the historian. Owner: embedded; od_archive_deinit.

#ifndef OD_MAIN_PROCESSES_ARCHIVE_H
#define OD_MAIN_PROCESSES_ARCHIVE_H

#include "store/kept.h"

#include <sys/types.h>

struct od_archive {
    const char *command; // NULL: there is none, and nothing is archived.
    const char *data_dir;
    uint64_t next_segment, next_base; // The first of each that is not archived; 0: none is.
    pid_t pid;                        // Of the command that runs; 0: none.
    char name[32];                    // Of the file it runs for.
    bool is_base;
    uint64_t number;
    uint64_t number_behind; // That of the segment behind it.
    od_time_ms since_ms;    // When it was started.
    od_time_ms said_ms;     // When its slowness was said last.
    od_time_ms again_ms;    // Not before.
    od_time_ms back_off_ms;
    unsigned failures;     // In a row.
    uint32_t waiting;      // Files; and since when the oldest of them
    od_time_ms waiting_ms; // could have been archived.
};

void od_archive_init(struct od_archive *archive, const char *command, const char *data_dir);
void od_archive_deinit(struct od_archive *archive); // Ends a command that runs.

// Looks at what has come of the command, and begins with the next file of [kept].
void od_archive_step(struct od_archive *archive, const struct od_kept *kept);
bool od_archive_is_running(const struct od_archive *archive);

// Whether what is missing before the segments of [kept] is archived, so that both together are
// every group.
bool od_archive_is_continued(const struct od_archive *archive, const struct od_kept *kept);

#endif
