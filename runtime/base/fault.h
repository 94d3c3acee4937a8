// Faults and time as inputs of a test: a page of shared memory that specs write and the program
// reads.
//
// Main and every worker map the file named by OPEN_DO_TEST_PAGE, in every build: whoever writes
// objects tests them with the program that will run them (`open-do test`). The page holds an offset
// for the clocks, a further one for the wall clock, and a few named faults. A place that can fail
// asks OD_FAULT("name"): the answer is true when a spec has armed that name and its count-down is
// over. Without the variable there is no page, and all of it costs the look at one pointer that
// never changes.
//
// The names in use: commit.fail (a group of batches fails before it is written), commit.hold (the
// committer waits while this is armed), apply.soon (what is durable gets into LMDB without waiting
// for more), follow.hold (it does not while this is armed), sweep.full (there is no room to sweep
// the trash), event.crash (a worker is ended by a segfault where an event begins), load.fail (a
// worker cannot load a new version of the script), copy.hold (a backup or a restore waits before it
// copies a file), copy.full (what it writes finds no room), names.fail (a directory of the store
// cannot be read to its end), past.hold (the past of an object is not read yet), journal.unread
// (the disk gives nothing of a segment), fill.hold (what slots store is loaded for those only who
// are asked for), ready.hold (the workers of a program that starts count as not ready), still.hold
// (the process for other nodes may stand still), proposal.wait (a version of the script that is
// proposed in a cluster is waited for without end), early.refuse (clients that come before their
// object are sent away), breakout.NAME (worker/breakout.c). New ones are added here.
//
// Process: any. Thread: any; the page is read and counted down with atomics.

#ifndef OD_BASE_FAULT_H
#define OD_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define OD_FAULT_NAME_BYTES 24
#define OD_FAULT_COUNT 8

struct od_fault_slot {
    char name[OD_FAULT_NAME_BYTES]; // Zero-terminated; empty: a free slot.
    int32_t skip;                   // So many calls pass first.
    int32_t times;                  // Then so many fail; below zero: all of them.
};

struct od_fault_page {
    int64_t clock_offset_ms;
    struct od_fault_slot slots[OD_FAULT_COUNT];
    int64_t wall_offset_ms; // Of the wall clock alone, as when somebody sets it.
};

extern struct od_fault_page *od_fault_page; // NULL: nothing fails, and time is the system's.

// Maps the page, once per process. One that cannot be used is said in the log, and there is none.
void od_fault_open(void);
bool od_fault_due(const char *name); // Only while there is a page: see OD_FAULT.
bool od_fault_page_present(void);    // Loops tick while it is, to notice a turned clock.
int64_t od_fault_clock_offset_ms(void);
int64_t od_fault_wall_offset_ms(void); // That of the wall clock: both together.

#define OD_FAULT(name) (od_fault_page != NULL && od_fault_due(name))

#endif
