// Marks: which calls of other workers this one has begun, on the page that main sees.
//
// When this worker ends, main tells the others (PEER_ENDED): a call with a mark may have been
// handled, in whole or half, and fails; one without was not, and is sent anew to the next worker
// (call_sent.h). So a mark is set before the handler runs, and goes only when the answer has left
// this process.
//
// Owner: struct od_objects embeds struct od_call_marks.

#ifndef OD_OBJECT_PARTS_CALL_MARK_H
#define OD_OBJECT_PARTS_CALL_MARK_H

#include <stdint.h>

struct od_link;
struct od_worker_page;

struct od_call_mark {
    uint32_t slot;   // On the page.
    uint32_t worker; // Whose call it is.
};

struct od_call_marks {
    uint32_t *free; // Slots that can be used again.
    uint32_t free_count, free_capacity;
    struct od_call_mark *over; // Whose answer is still to be sent.
    uint32_t over_count, over_capacity;
};

void od_call_marks_deinit(struct od_call_marks *marks);

// The call [number] of [worker] is begun: its slot, counted from 1; 0: there is none, which main
// sees, too.
uint32_t od_call_mark_begin(struct od_call_marks *marks, struct od_worker_page *page,
                            uint32_t worker, uint64_t number);
void od_call_mark_over(struct od_call_marks *marks, struct od_call_mark mark); // It is answered.

// Once a turn, when links are flushed: marks go whose answers have left. [peers]: the links to
// workers.
void od_call_marks_settle(struct od_call_marks *marks, struct od_worker_page *page,
                          struct od_link *const *peers);

#endif
