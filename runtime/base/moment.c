#include "base/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"

static const int64_t second_ms = 1000, minute_s = 60, hour_s = 3600,
                     day_ms = INT64_C(1000) * OD_DAY_S;
static const size_t parts_max = 9; // Digits behind the point.

const char *od_moment_text(od_time_ms ms, char text[OD_MOMENT_BYTES])
{
    int64_t day = od_civil_floor_div(ms, day_ms);
    int64_t rest = ms - day * day_ms, s = rest / second_ms;
    struct od_civil civil = od_civil_of_day(day);
    OD_ASSERT(rest >= 0 && rest < day_ms);
    snprintf(text, OD_MOMENT_BYTES, "%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", (int)civil.year,
             (unsigned)civil.month, (unsigned)civil.day, (unsigned)(s / hour_s),
             (unsigned)(s % hour_s / minute_s), (unsigned)(s % minute_s),
             (unsigned)(rest % second_ms));
    return text;
}

// [digits] of them, up to [max]; -1: something else is there. Moves on.
static int64_t take_number(const char **at, size_t digits, int64_t max)
{
    OD_ASSERT(digits <= parts_max);
    int64_t number = 0;
    for (size_t i = 0; i < digits; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return -1;
        number = 10 * number + (**at - '0');
    }
    return number <= max ? number : -1;
}

static bool take_sign(const char **at, char sign)
{
    bool is_there = **at == sign;
    *at += is_there;
    return is_there;
}

// Up to the minute.
static bool take_minute(const char **at, int64_t *s)
{
    int64_t year = take_number(at, 4, 9999);
    int64_t month = year >= 0 && take_sign(at, '-') ? take_number(at, 2, 12) : -1;
    int64_t day = month > 0 && take_sign(at, '-') ? take_number(at, 2, 31) : -1;
    bool has_day = day > 0 && day <= od_civil_month_days(year, (int)month);
    int64_t hour =
        has_day && (take_sign(at, 'T') || take_sign(at, ' ')) ? take_number(at, 2, 23) : -1;
    int64_t minute = hour >= 0 && take_sign(at, ':') ? take_number(at, 2, 59) : -1;
    if (minute >= 0)
        *s =
            od_civil_day(year, (int)month, (int)day) * OD_DAY_S + hour * hour_s + minute * minute_s;
    return minute >= 0;
}

static bool take_seconds(const char **at, int64_t *ms)
{
    int64_t second = take_sign(at, ':') ? take_number(at, 2, 59) : 0;
    if (second < 0)
        return false;
    *ms = second * second_ms;
    if (!take_sign(at, '.'))
        return true;
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > parts_max)
        return false;
    int64_t weight = second_ms / 10;
    for (size_t i = 0; i < digits; i++, weight /= 10)
        *ms += ((*at)[i] - '0') * weight;
    *at += digits;
    return true;
}

static bool take_zone(const char **at, int64_t *s)
{
    if (take_sign(at, 'Z'))
        return true;
    int sign = take_sign(at, '+') ? 1 : take_sign(at, '-') ? -1 : 0;
    int64_t hours = sign != 0 ? take_number(at, 2, 23) : -1;
    int64_t minutes = hours >= 0 && take_sign(at, ':') ? take_number(at, 2, 59) : -1;
    *s = sign * (hours * hour_s + minutes * minute_s);
    return minutes >= 0;
}

bool od_moment_parse(const char *text, od_time_ms *ms, struct od_error *err)
{
    int64_t s = 0, part_ms = 0, zone_s = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits > 4 && digits < 16 && text[digits] == '\0') {
        *ms = strtoll(text, NULL, 10);
        return true;
    }
    const char *at = text;
    if (!take_minute(&at, &s) || !take_seconds(&at, &part_ms) || !take_zone(&at, &zone_s) ||
        *at != '\0')
        return od_error_set(err, "expected a moment like 2026-11-29T12:50:11.123Z (or with "
                                 "+01:00), or milliseconds since 1970");
    *ms = (s - zone_s) * second_ms + part_ms;
    return true;
}
