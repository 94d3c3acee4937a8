// A critical section: while an object has one, nothing of it runs but the task that is in it.
//
// A task that waits lets others run meanwhile. That is what makes an object quick, and what a
// script must be able to switch off while it brings its state from one good shape into the next:
// blockConcurrencyWhile and transactions are sections. The inbox, timers included, stays shut until
// the section is over, and what other tasks wait for is held back when it comes. Only what the task
// inside has asked for itself is let through. The constructor needs none of this, as an object that
// wakes has no other task and its inbox is shut.
//
// So two sections of an object never meet, and there is no queue of those who want in: they wait
// where all wait, in the inbox or among the resumes, in the order in which they came. A task that
// is inside may enter again; it is out when it has left as often.
//
// A section has to end. It may take so long as OD_SECTION_MS_MAX, and when its task ends without
// having left (its function was given up in a coroutine nobody resumes), what it was to protect is
// in no known shape. In both cases the object is reset.
//
// An object without a section has a null pointer in its place, and pays nothing else.
//
// Owner: its object, from the first enter to the last leave or the end of the task.

#ifndef OD_OBJECT_SECTION_H
#define OD_OBJECT_SECTION_H

#include "base/check.h"
#include "base/timers.h"
#include "object/parts/event.h"

struct od_object;
struct od_task;

struct od_section {
    struct od_task *task; // Who is inside.
    const char *call;     // What it is, as scripts write it: "blockConcurrencyWhile".
    uint64_t number;      // Tells it from those before it.
    uint32_t depth;
    struct od_list held;      // Resumes of other tasks, oldest first.
    struct od_timer deadline; // Set when its task waits for the first time.
};

// The running [task] goes in; [call], which is kept, names what it does in messages. Returns the
// number with which it leaves, or 0 when it is inside OD_SECTION_DEPTH_MAX times already.
OD_MUST_CHECK uint64_t od_section_enter(struct od_task *task, const char *call);

// The running [task] leaves as often as it has entered. False: that section is over, by a reset.
OD_MUST_CHECK bool od_section_leave(struct od_task *task, uint64_t number);

bool od_section_is_inside(const struct od_task *task);
bool od_section_has_number(const struct od_task *task, uint64_t number);

// The task that excludes all others: the one inside, or a constructor's. NULL: there is none.
struct od_task *od_section_holder(const struct od_object *object);

// Takes [event], a RESUME, when it has to wait for the end of the section. The section may be NULL.
bool od_section_hold(struct od_section *section, struct od_event *event);

void od_section_wait(struct od_task *task); // It waits: from now on the time is counted.

// A function of [task] has returned, the handler or one of waitUntil, and what it returned is not
// told yet: is the task still inside, its object is reset.
void od_section_check_left(const struct od_task *task);

void od_section_end(struct od_task *task); // The task is freed. Nothing when it is not inside.

#endif
