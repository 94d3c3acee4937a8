// A takeover: what one program hands to the next that goes on with its connections, as a record.
//
// The next program begins in the same process, by execve: descriptors stay open and keep their
// numbers, so does the number of the process. What does not lie in the kernel or on the disk and is
// needed to go on with them is in the record (takeover_parts.h says what): it lies in memory
// (memfd), and the variable OD_TAKEOVER_VARIABLE says where.
//
// Not handed over, and so at an end:
//   instances and their timers    as when an object falls asleep
//   what runs after the bound     requests 503, their sockets 1012 (worker/parting.h)
//   an od.fetch under way         with its task, and as late as that
//   wss:// to outside             its session is the worker's: 1006, and dialled again if wished
//   connections of the admin site, and who follows the log
//
//   "try:3"   the program is tried: can it read this record, and load the script that is served?
//   "go:17"   it takes over
//
// The record has a version, and sections with a length each. A program reads its own version and
// the one before, and refuses a newer one with a sentence; it passes over sections it does not
// know. Sockets are in it as a worker hands them over (object/keep.h): bytes their peers have sent,
// which mean the same to every version.
//
// Process: main.

#ifndef OD_MAIN_TAKEOVER_H
#define OD_MAIN_TAKEOVER_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/error.h"
#include "main/takeover_parts.h"

#define OD_TAKEOVER_VARIABLE "OPEN_DO_TAKE_OVER"
#define OD_TAKEOVER_WELL "this program can take over\n" // The last it says when it is tried.

struct od_takeover {
    struct od_bytes record;
    od_slice sections[OD_TAKEOVER_SECTION_COUNT];
    od_slice version; // Of the program that wrote it.
    uint32_t workers;
    od_time_ms since_ms; // When clients were read last.
    int lock_fd;
    int control_fd; // -1: it had none.
    int asker_fd;   // Who waits for what comes of it; -1: nobody.
    struct od_cursor listeners;
};

// --- In the program that serves.

struct od_takeover_base { // What the server itself does not know.
    od_time_ms since_ms;
    int lock_fd;
    int asker_fd;
};

void od_takeover_put(struct od_takeover_writing *writing, struct od_server *server,
                     const struct od_takeover_base *base);
void od_takeover_drop(struct od_takeover_writing *writing);

// In memory, at the beginning; the caller closes it. -1, with [err].
int od_takeover_store(const struct od_takeover_writing *writing, struct od_error *err);

// Becomes [program]. Returns when that failed, with nothing changed.
void od_takeover_exec(const struct od_takeover_writing *writing, const char *program, char **argv,
                      struct od_error *err);

// --- In the program that takes over.

// Whether it is to be tried, or to take over; false: neither. Once: the variable is gone then.
bool od_takeover_is_asked(bool *only_tries, int *fd);

// Takes [fd]. False: it cannot be read, and [err] says why.
OD_MUST_CHECK bool od_takeover_read(struct od_takeover *takeover, int fd, struct od_error *err);
void od_takeover_deinit(struct od_takeover *takeover);

// The parts, once [server] is initialised: sockets, objects, numbers, refusals; and what stands at
// the door, when that is open.
void od_takeover_adopt(struct od_server *server, struct od_takeover *takeover);
void od_takeover_adopt_arrivals(struct od_server *server, const struct od_takeover *takeover);

#endif
