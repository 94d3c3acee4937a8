// The alarm clock: tells workers which alarms are due.
//
// LMDB holds all alarms in the order of their time (store/alarm.h). For each worker the clock keeps
// a *position* in that order: what is before it has been looked at. It sleeps until the first
// position is due, and hears from the committer when an alarm was set for a time before it, so
// nothing is polled and a hundred thousand alarms for next year cost nothing. Time is the wall's: a
// timer of the kernel wakes the clock also when somebody sets the system's time, either way.
//
// An alarm that is due, or a schedule, which is an alarm with a name, is *rung*: its worker is sent
// ALARM and answers ALARM_OVER once whatever came of it is on disk; until then the same object is
// not rung again, so those of one object come one after another. What LMDB says is what
// counts: that the alarm is over, is due again later, or was set anew is all written by its object,
// and the clock reads it like any other. So a crash at any moment repeats a ring and loses none.
//
// A handler that costs its worker has failed, though nobody can have written that down: so the
// alarm is told once to the next worker as a try that failed (od_alarm_clock_blame).
//
// A hundred thousand may be due at once. A worker is told of OD_ALARMS_FRESH_MAX; more as it
// answers, or as those begin to look like handlers that take their time.
//
// Alarms in namespaces that the script does not have are passed over, until a version has them.
//
// Process: main. Owner: embedded in the server.

#ifndef OD_MAIN_WORKERS_ALARM_CLOCK_H
#define OD_MAIN_WORKERS_ALARM_CLOCK_H

#include "base/list.h"
#include "base/map.h"
#include "cluster/placement.h"
#include "main/workers/supervisor.h"
#include "main/workers/wall_timer.h"
#include "store/alarm.h"

struct od_reader;
struct od_verdict;

struct od_alarm_clock_place { // Of one worker.
    struct od_alarm_place position;
    struct od_list fresh; // Rung within OD_ALARMS_FRESH_MS, oldest first,
    struct od_list slow;  // and before that.
    uint32_t fresh_count;
    uint32_t count;                // Of both, and of those that are to be rung again.
    struct od_alarm_place culprit; // It has cost a worker by [due_ms]; 0: none has.
};

struct od_alarm_clock {
    struct od_loop *loop;
    struct od_supervisor *supervisor;
    struct od_reader *reader; // NULL: not open.
    struct od_alarm_clock_place *places;
    uint32_t place_count;
    struct od_map ringing;  // By id.
    struct od_bytes served; // Namespaces: (str)*.
    struct od_wall_timer timer;
    bool is_started;
    const struct od_placement *placement; // Those of slots elsewhere do not ring.
    struct od_timer look_timer;           // When fresh ones turn slow.
};

void od_alarm_clock_init(struct od_alarm_clock *clock, struct od_loop *loop,
                         struct od_supervisor *supervisor, const struct od_placement *placement,
                         uint32_t worker_count);
void od_alarm_clock_deinit(struct od_alarm_clock *clock); // The loop must run once more.

// The committer must have opened [data_dir]. Also again, after od_alarm_clock_stop.
OD_MUST_CHECK bool od_alarm_clock_open(struct od_alarm_clock *clock, const char *data_dir,
                                       struct od_error *err);
// All workers are there, so handlers can reach every object: from here on it rings.
void od_alarm_clock_start(struct od_alarm_clock *clock);
void od_alarm_clock_stop(struct od_alarm_clock *clock); // Nothing rings any more.

void od_alarm_clock_serve(struct od_alarm_clock *clock, const struct od_verdict *verdict);

// The committer has stored alarms, the earliest for [due_ms].
void od_alarm_clock_set(struct od_alarm_clock *clock, od_time_ms due_ms);

// ALARM_OVER of a worker: what came of it is on disk, or, with [again], could not be stored.
void od_alarm_clock_over(struct od_alarm_clock *clock, const uint8_t *id, bool again);

// The alarm handler of [id], or its constructor, is why a worker has ended.
void od_alarm_clock_blame(struct od_alarm_clock *clock, uint32_t worker, const uint8_t *id);

// A life of the worker is over: what it was told will be told to the next.
void od_alarm_clock_worker_gone(struct od_alarm_clock *clock, uint32_t worker);

// How many alarms are set, and in [next_ms] when the first of them is due.
uint64_t od_alarm_clock_count(struct od_alarm_clock *clock, od_time_ms *next_ms);

// Once a turn: rings what is due. True when more can be done at once.
bool od_alarm_clock_step(struct od_alarm_clock *clock);

#endif
