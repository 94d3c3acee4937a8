#include "object/parts/call_mark.h"

#include <stdlib.h>

#include "link/link.h"
#include "link/worker_page.h"

// Counted from 1; 0: there is none.
static uint32_t take_slot(struct od_call_marks *marks, struct od_worker_page *page)
{
    if (marks->free_count > 0)
        return marks->free[--marks->free_count];
    if (page->call_count == OD_PAGE_CALLS_MAX)
        return 0;
    return ++page->call_count;
}

static void give_slot(struct od_call_marks *marks, struct od_worker_page *page, uint32_t slot)
{
    OD_ASSERT(slot > 0);
    OD_ASSERT(slot <= OD_PAGE_CALLS_MAX);
    if (marks->free_count == marks->free_capacity) {
        marks->free_capacity = marks->free_capacity == 0 ? 64 : 2 * marks->free_capacity;
        marks->free = od_reallocate(marks->free, marks->free_capacity * sizeof *marks->free);
    }
    marks->free[marks->free_count++] = slot;
    __atomic_store_n(&page->calls[slot - 1].number, 0, __ATOMIC_RELEASE);
}

uint32_t od_call_mark_begin(struct od_call_marks *marks, struct od_worker_page *page,
                            uint32_t worker, uint64_t number)
{
    uint32_t slot = take_slot(marks, page);
    if (slot == 0) {
        page->calls_overflow = 1;
        return 0;
    }
    struct od_page_call *mark = &page->calls[slot - 1];
    mark->worker = worker;
    __atomic_store_n(&mark->number, number, __ATOMIC_RELEASE);
    return slot;
}

void od_call_mark_over(struct od_call_marks *marks, struct od_call_mark mark)
{
    OD_ASSERT(mark.slot > 0);
    if (marks->over_count == marks->over_capacity) {
        marks->over_capacity = marks->over_capacity == 0 ? 64 : 2 * marks->over_capacity;
        marks->over = od_reallocate(marks->over, marks->over_capacity * sizeof *marks->over);
    }
    marks->over[marks->over_count++] = mark;
}

void od_call_marks_settle(struct od_call_marks *marks, struct od_worker_page *page,
                          struct od_link *const *peers)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < marks->over_count; i++) {
        const struct od_link *peer = peers[marks->over[i].worker];
        if (peer == NULL || od_link_waiting_bytes(peer) == 0)
            give_slot(marks, page, marks->over[i].slot);
        else
            marks->over[left++] = marks->over[i];
    }
    marks->over_count = left;
}

void od_call_marks_deinit(struct od_call_marks *marks)
{
    free(marks->free);
    free(marks->over);
}
