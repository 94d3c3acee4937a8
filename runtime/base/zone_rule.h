// The rule at the end of a zone's file, for all years that the file does not list: POSIX's TZ, like
// "CET-1CEST,M3.5.0,M10.5.0/3". Private to zone.c.

#ifndef OD_BASE_ZONE_RULE_H
#define OD_BASE_ZONE_RULE_H

#include "base/slice.h"

// A day of each year, and when on it.
struct od_zone_day {
    char form; // 'M': [week]th [weekday] of [month]; 'J': [day] without leap days; 'D': with them.
    int month;
    int week; // 5 is the last.
    int weekday;
    int day;
    int32_t time_s; // On the clocks before the change; below zero and over a day is allowed.
};

struct od_zone_rule {
    int32_t standard_s; // East of UTC.
    int32_t summer_s;
    bool has_summer;
    struct od_zone_day begin; // Of summer time,
    struct od_zone_day end;
};

bool od_zone_rule_parse(od_slice text, struct od_zone_rule *rule);

int32_t od_zone_rule_offset_s(const struct od_zone_rule *rule, int64_t utc_s);
int64_t od_zone_rule_change_after_s(const struct od_zone_rule *rule, int64_t utc_s);

#endif
