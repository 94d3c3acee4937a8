// What an object has only while something of it is under way: events, tasks, effects, an instance
// and the lists it stands in because of them.
//
// Most objects of a worker sleep with their sockets, and are to weigh little. So this half of an
// object is made when the first event comes, and given back when it has fallen asleep. In between
// [object->work] is never NULL: those who rest share one in which nothing is, which may be read
// like any other. Who puts something into it asks for one first (od_object_work).
//
// Owner: its object; the memory is a slab of struct od_objects, so that what was given back does
// not lie scattered between what stays. object.h says how an object comes to it.

#ifndef OD_OBJECT_PARTS_WORK_H
#define OD_OBJECT_PARTS_WORK_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/list.h"
#include "object/parts/outgoing_queue.h"
#include "object/parts/share.h"

struct od_event;
struct od_object;
struct od_section;
struct od_transaction;

struct od_work {
    struct od_object *object;
    struct od_list inbox;   // Events that start a task, oldest first.
    struct od_list resumes; // Events that waiting tasks wait for; handled before the inbox.
    struct od_share share;  // In a turn.
    size_t call_bytes;      // What its calls hold (object->call_count).
    struct od_outgoing_queue outgoing; // Its od.fetch.
    struct od_list outbox; // Effects; empty most of the time, as nothing waits for the disk.
    size_t outbox_bytes;
    struct od_list tasks;
    struct od_list pipes;      // Its connections to outside (pipe.h), oldest first.
    struct od_list timeouts;   // The timers of its instance, oldest first.
    struct od_list ready;      // Among those with events to handle.
    struct od_list gated;      // Among those whose outbox or tasks wait for the disk.
    struct od_list idle;       // Among those with nothing to do, longest idle first.
    struct od_list awake;      // Among those with an instance, longest awake first.
    struct od_list syncing;    // Tasks that wait for the disk, in the order of what they wait for.
    struct od_bytes reset_why; // A failure (link/failure.h); the reset waits for the running task.
    struct od_bytes failure; // Of the constructor (link/failure.h), until its event has failed too.
    struct od_section *section;         // NULL when it has none: nothing else runs (section.h).
    struct od_transaction *transaction; // The innermost that is open; NULL: none (transaction.h).
    struct od_event *alarm;             // Whose handler runs or waits; NULL: none (alarm_event.h).
    od_time_ms awake_since_ms;
    od_time_ms idle_since_ms;
};

struct od_slab;

// The one that all share who rest; it is nobody's.
struct od_work *od_work_at_rest(void);

struct od_work *od_work_new(struct od_slab *works, struct od_object *object);
void od_work_free(struct od_slab *works, struct od_work *work); // It is in no list.

bool od_work_is_empty(const struct od_work *work); // Nothing is in it, and it is in no list.

#endif
