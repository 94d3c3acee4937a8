// Faults and time as inputs of a test: a page of shared memory that specs write and the program
// reads.
//
// Test builds (OD_TESTING) map the file named by OPEN_DO_TEST_PAGE, in main and in every worker.
// The page holds an offset for the clocks and a few named faults. A place that can fail asks
// OD_FAULT("name"): the answer is true when a spec has armed that name and its count-down is over.
// Release builds compile all of it to "false" and 0.
//
// The names in use: commit.fail (a group of batches fails before it is written), commit.hold (the
// committer waits while this is armed), worker.hold (a worker's turn waits), event.crash (a
// worker is ended by a segfault where an event begins), breakout.NAME (worker/breakout.c). New ones
// are added here.
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
};

#ifdef OD_TESTING
void od_fault_open(void); // Maps the page, once per process; without the variable nothing fails.
bool od_fault_due(const char *name);
int64_t od_fault_clock_offset_ms(void);
bool od_fault_page_present(void); // Loops tick while it is, to notice a turned clock.
#define OD_FAULT(name) od_fault_due(name)
#else
#define od_fault_open() ((void)0)
#define od_fault_clock_offset_ms() ((int64_t)0)
#define od_fault_page_present() (false)
#define OD_FAULT(name) (false)
#endif

#endif
