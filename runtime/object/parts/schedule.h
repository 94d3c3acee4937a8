// A schedule: a stored time with a name, at which a method of the object is called; once, every so
// often, or when a cron string says. It is an alarm with a name (store/alarm.h, alarm_event.h): it
// rings, is retried and survives as one does. What is more stands here, in the body of its row.
//
// One that comes again is set for the next of its times when its handler is done with the one
// before. Times that pass meanwhile, while the server is down or its tries fail, are not made up
// for: the next run stands for all of them, and is told how many it left out.
//
// Body: u8 kind, u64 every, str cron, str zone, str method, str arguments.

#ifndef OD_OBJECT_PARTS_SCHEDULE_H
#define OD_OBJECT_PARTS_SCHEDULE_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

enum od_schedule_kind {
    OD_SCHEDULE_AT,
    OD_SCHEDULE_EVERY,
    OD_SCHEDULE_CRON,
};

struct od_schedule {
    enum od_schedule_kind kind;
    od_time_ms every_ms; // EVERY.
    od_slice cron;       // CRON.
    od_slice zone;
    od_slice method;
    od_slice arguments; // Values, encoded (bindings/value/value.h).
};

// Whether what is stored under [name] is a schedule: not the alarm, and no wish (wish.h), whose
// names begin with a zero byte.
bool od_schedule_is_name(od_slice name);

void od_schedule_put(struct od_bytes *body, const struct od_schedule *schedule);
OD_MUST_CHECK bool od_schedule_read(od_slice body, struct od_schedule *schedule);

// Whether its cron string and its zone are right; else says what is wrong.
OD_MUST_CHECK bool od_schedule_check(const struct od_schedule *schedule, struct od_error *err);

// The first of its times behind [time_ms], which is one of them; OD_ALARM_NONE_MS: there is none.
od_time_ms od_schedule_next_ms(const struct od_schedule *schedule, od_time_ms time_ms);

// The last of its times up to [now_ms], from [time_ms] on, and how many are before that.
od_time_ms od_schedule_catch_up(const struct od_schedule *schedule, od_time_ms time_ms,
                                od_time_ms now_ms, uint32_t *missed);

#endif
