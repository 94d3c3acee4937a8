// The alarm of an object: a time at which its handler `alarm` runs, whatever happens until then.
// Its schedules are the same with a name, and a method of their own (parts/schedule.h).
//
// Main's clock rings (main/workers/alarm_clock.h); what counts is the object's own storage. If an
// alarm is due there when the event's turn comes, the handler begins, and while it runs the alarm
// is not there for the object's code: getAlarm gives nil, deleteAlarm does nothing, setAlarm sets
// another. What has become of it is written with the handler's last writes, in the same batch:
//
//   it returned                  the alarm is gone; a schedule that comes again, set for its next
//                                time
//   it failed, or was cut off    due again after 2, 4, 8, 16, 32, 64 s and up to a quarter more;
//                                after the last of these tries as if it had returned, with a line
//                                in the log
//   set anew by the handler      that stays, whatever became of the handler
//
// A process that ends in the middle has written none of this, so the alarm rings again: at least
// once. The same holds when a commit fails; neither uses up a try. But a handler, or a constructor
// that runs for it, because of which its worker ended has failed: the next worker is told so by
// main and writes it down.
//
// Main hears with ALARM_OVER when this is on disk, as an effect behind the object's writes.

#ifndef OD_OBJECT_ALARM_EVENT_H
#define OD_OBJECT_ALARM_EVENT_H

#include "object/object.h"
#include "object/objects.h"

void od_alarm_event_receive(struct od_objects *objects, od_slice body); // ALARM

// What an ALARM event is about: its bytes.
struct od_alarm_ring {
    struct od_alarm alarm; // Until it begins, only [due_ms]: by when main said that it is due.
                           // Then [time_ms] of a schedule is the last of its times so far, and
    uint32_t missed;       // so many before that have passed without a run.
    uint16_t name_size;    // 0: the alarm.
    char name[OD_SCHEDULE_NAME_BYTES_MAX];
};

struct od_alarm_ring od_alarm_event_of(const struct od_event *event);
bool od_alarm_event_is_schedule(const struct od_event *event); // An ALARM event with a name.

// The schedule of an event that has begun in this stretch; false: its row cannot be read.
struct od_schedule;
bool od_alarm_event_schedule(struct od_object *object, const struct od_event *event,
                             struct od_schedule *schedule);

// The turn of [event] has come. False: nothing is due any more, and that was all.
OD_MUST_CHECK bool od_alarm_event_begin(struct od_object *object, struct od_event *event);

// Its handler has ended. Nothing when the alarm of this event has ended already.
void od_alarm_event_end(struct od_object *object, const struct od_event *event, bool has_failed);

// There is no handler: it stays, for a version of the script that has one.
void od_alarm_event_leave(struct od_object *object, const struct od_event *event);

// Whether its handler began or not, [event] will not be handled: its object was reset, or could not
// be constructed.
void od_alarm_event_lost(struct od_object *object, struct od_event *event);

void od_alarm_event_say_over(struct od_object *object, bool again); // ALARM_OVER

// Whether the handler of the alarm [name], which storage has as [alarm], runs, and nobody has set
// another since. And the serial of one that is set in place of [old], NULL: of none.
bool od_alarm_event_runs(const struct od_object *object, od_slice name,
                         const struct od_alarm *alarm);
uint32_t od_alarm_event_next_serial(const struct od_object *object, od_slice name,
                                    const struct od_alarm *old);

// What the object's code sees and does of its alarm. Setting fails when the batch would get too
// long. A time that has passed means now.
bool od_object_alarm(struct od_object *object, od_time_ms *time_ms); // False: none.
OD_MUST_CHECK bool od_object_set_alarm(struct od_object *object, od_time_ms time_ms,
                                       bool unconfirmed, struct od_error *err);
OD_MUST_CHECK bool od_object_delete_alarm(struct od_object *object, bool unconfirmed,
                                          struct od_error *err);

#endif
