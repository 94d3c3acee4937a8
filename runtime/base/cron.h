// Times that come again, as cron writes them: "*/5 8-18 * * MON-FRI".
//
//   minute 0-59 · hour 0-23 · day 1-31 or L, the last · month 1-12 or JAN-DEC · weekday 0-7 or
//   SUN-SAT, where 0 and 7 are Sunday
//
// A field is a list (,) of *, a number, or a range, the last two of which may have a step (*/5,
// 8-18/2). @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually are the usual ones.
// As in cron, a day that either of the two fields for days names is meant when both are restricted,
// that is, begin with something else than *.
//
// Summer time, as in cron: what is due in an hour that is skipped comes at the moment of the
// change, and what is due in an hour that comes twice comes in the first. But when the hour begins
// with *, time simply passes: nothing comes for a skipped hour, and twice in one that is repeated.

#ifndef OD_BASE_CRON_H
#define OD_BASE_CRON_H

#include "base/error.h"
#include "base/slice.h"
#include "base/zone.h"

#define OD_CRON_BYTES_MAX 255

struct od_cron {
    uint64_t minutes; // Bit n: minute n; and so on.
    uint64_t hours;
    uint64_t days; // Bit 0: the last of the month.
    uint64_t months;
    uint64_t weekdays;
    bool is_any_hour; // The field begins with *.
    bool is_any_day;
    bool is_any_weekday;
};

// [err] quotes the text and says what is wrong with which field. What would never come, like the
// 30th of February, is refused too.
OD_MUST_CHECK bool od_cron_parse(od_slice text, struct od_cron *cron, struct od_error *err);

// The first time behind [utc_s] on the clocks of [zone].
int64_t od_cron_next_s(const struct od_cron *cron, const struct od_zone *zone, int64_t utc_s);

#endif
