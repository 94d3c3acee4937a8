#include "object/call_mark.h"

#include <stdlib.h>

#include "link/link.h"
#include "link/worker_page.h"
#include "object/call.h"

// Counted from 1; 0: there is none.
static uint32_t take_slot(struct od_objects *objects)
{
    struct od_call_marks *marks = &objects->call_marks;
    if (marks->free_count > 0)
        return marks->free[--marks->free_count];
    if (objects->page->call_count == OD_PAGE_CALLS_MAX)
        return 0;
    return ++objects->page->call_count;
}

static void give_slot(struct od_objects *objects, uint32_t slot)
{
    OD_ASSERT(slot > 0);
    OD_ASSERT(slot <= OD_PAGE_CALLS_MAX);
    struct od_call_marks *marks = &objects->call_marks;
    if (marks->free_count == marks->free_capacity) {
        marks->free_capacity = marks->free_capacity == 0 ? 64 : 2 * marks->free_capacity;
        marks->free = od_reallocate(marks->free, marks->free_capacity * sizeof *marks->free);
    }
    marks->free[marks->free_count++] = slot;
    __atomic_store_n(&objects->page->calls[slot - 1].number, 0, __ATOMIC_RELEASE);
}

void od_call_mark_begun(struct od_call *call)
{
    struct od_objects *objects = call->objects;
    struct od_worker_page *page = objects->page;
    if (page == NULL || call->mark != 0 || call->origin_worker == objects->worker_count)
        return;
    call->mark = take_slot(objects);
    if (call->mark == 0) {
        page->calls_overflow = 1;
        return;
    }
    struct od_page_call *mark = &page->calls[call->mark - 1];
    mark->worker = call->origin_worker;
    __atomic_store_n(&mark->number, call->origin, __ATOMIC_RELEASE);
}

void od_call_mark_over(struct od_call *call)
{
    struct od_call_marks *marks = &call->objects->call_marks;
    if (call->mark == 0)
        return;
    if (marks->over_count == marks->over_capacity) {
        marks->over_capacity = marks->over_capacity == 0 ? 64 : 2 * marks->over_capacity;
        marks->over = od_reallocate(marks->over, marks->over_capacity * sizeof *marks->over);
    }
    marks->over[marks->over_count++] = (struct od_call_mark){call->mark, call->origin_worker};
    call->mark = 0;
}

void od_call_marks_settle(struct od_objects *objects)
{
    struct od_call_marks *marks = &objects->call_marks;
    uint32_t left = 0;
    for (uint32_t i = 0; i < marks->over_count; i++) {
        const struct od_link *peer = objects->peers[marks->over[i].worker];
        if (peer == NULL || od_link_waiting_bytes(peer) == 0)
            give_slot(objects, marks->over[i].slot);
        else
            marks->over[left++] = marks->over[i];
    }
    marks->over_count = left;
}

void od_call_marks_deinit(struct od_objects *objects)
{
    free(objects->call_marks.free);
    free(objects->call_marks.over);
}
