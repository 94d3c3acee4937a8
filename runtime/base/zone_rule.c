#include "base/zone_rule.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"

// --- Reading -------------------------------------------------------------------------------------

struct text {
    const char *at;
    const char *end;
    bool failed;
};

static bool takes(struct text *text, char byte)
{
    if (text->at == text->end || *text->at != byte)
        return false;
    text->at++;
    return true;
}

static int take_number(struct text *text, int max)
{
    int number = 0;
    const char *begin = text->at;
    while (text->at < text->end && isdigit((unsigned char)*text->at) && number <= max)
        number = number * 10 + (*text->at++ - '0');
    text->failed = text->failed || text->at == begin || number > max;
    return number;
}

// "<+1030>" or letters.
static void skip_name(struct text *text)
{
    const char *begin = text->at;
    bool is_quoted = takes(text, '<');
    while (text->at < text->end &&
           (is_quoted ? *text->at != '>' : isalpha((unsigned char)*text->at)))
        text->at++;
    text->failed = text->failed || text->at == begin || (is_quoted && !takes(text, '>'));
}

// [+-]hh[:mm[:ss]]
static int32_t take_time_s(struct text *text)
{
    int sign = takes(text, '-') ? -1 : 1;
    if (sign == 1)
        (void)takes(text, '+');
    int32_t time_s = take_number(text, 167) * 3600;
    if (takes(text, ':'))
        time_s += take_number(text, 59) * 60;
    if (takes(text, ':'))
        time_s += take_number(text, 59);
    return sign * time_s;
}

static int take_between(struct text *text, int min, int max)
{
    int number = take_number(text, max);
    text->failed = text->failed || number < min;
    return number;
}

static void take_month_form(struct text *text, struct od_zone_day *day)
{
    day->month = take_between(text, 1, 12);
    text->failed = text->failed || !takes(text, '.');
    day->week = take_between(text, 1, 5);
    text->failed = text->failed || !takes(text, '.');
    day->weekday = take_between(text, 0, 6);
}

static void take_day(struct text *text, struct od_zone_day *day)
{
    text->failed = text->failed || !takes(text, ',');
    day->form = takes(text, 'M') ? 'M' : takes(text, 'J') ? 'J' : 'D';
    if (day->form == 'M')
        take_month_form(text, day);
    else
        day->day = take_between(text, day->form == 'J' ? 1 : 0, 365);
    day->time_s = takes(text, '/') ? take_time_s(text) : 2 * 3600;
}

bool od_zone_rule_parse(od_slice from, struct od_zone_rule *rule)
{
    struct text text = {from.at, from.at + from.size, from.size == 0};
    *rule = (struct od_zone_rule){0};
    skip_name(&text);
    rule->standard_s = -take_time_s(&text);
    rule->summer_s = rule->standard_s + 3600;
    rule->has_summer = text.at < text.end;
    if (!rule->has_summer)
        return !text.failed;
    skip_name(&text);
    if (text.at < text.end && *text.at != ',')
        rule->summer_s = -take_time_s(&text);
    take_day(&text, &rule->begin);
    take_day(&text, &rule->end);
    return !text.failed && text.at == text.end;
}

// --- What it says --------------------------------------------------------------------------------

static int64_t month_form_day(const struct od_zone_day *day, int64_t year)
{
    OD_ASSERT(day->week >= 1 && day->week <= 5);
    OD_ASSERT(day->weekday >= 0 && day->weekday <= 6);
    int64_t first = od_civil_day(year, day->month, 1);
    int until = (day->weekday - od_civil_of_day(first).weekday + 7) % 7;
    int of_month = until + 7 * (day->week - 1);
    while (of_month >= od_civil_month_days(year, day->month))
        of_month -= 7;
    return first + of_month;
}

static int64_t day_of(const struct od_zone_day *day, int64_t year)
{
    OD_ASSERT(day->form == 'M' || day->form == 'J' || day->form == 'D');
    if (day->form == 'M')
        return month_form_day(day, year);
    int64_t first = od_civil_day(year, 1, 1);
    if (day->form == 'D')
        return first + day->day;
    bool has_leap_day = od_civil_month_days(year, 2) == 29;
    return first + day->day - 1 + (has_leap_day && day->day >= 60);
}

static int64_t begin_s(const struct od_zone_rule *rule, int64_t year)
{
    return day_of(&rule->begin, year) * OD_DAY_S + rule->begin.time_s - rule->standard_s;
}

static int64_t end_s(const struct od_zone_rule *rule, int64_t year)
{
    return day_of(&rule->end, year) * OD_DAY_S + rule->end.time_s - rule->summer_s;
}

static int64_t year_of(int64_t utc_s)
{
    return od_civil_of_day(od_civil_floor_div(utc_s, OD_DAY_S)).year;
}

// The last change up to [utc_s] counts. A rule may say that it is always summer: then both are at
// the same moment, and the beginning wins.
int32_t od_zone_rule_offset_s(const struct od_zone_rule *rule, int64_t utc_s)
{
    int64_t year = year_of(utc_s), last_s = INT64_MIN;
    bool is_summer = false;
    for (int64_t each = year - 1; rule->has_summer && each <= year + 1; each++) {
        int64_t end = end_s(rule, each), begin = begin_s(rule, each);
        if (end <= utc_s && end > last_s) {
            last_s = end;
            is_summer = false;
        }
        if (begin <= utc_s && begin >= last_s) {
            last_s = begin;
            is_summer = true;
        }
    }
    return is_summer ? rule->summer_s : rule->standard_s;
}

int64_t od_zone_rule_change_after_s(const struct od_zone_rule *rule, int64_t utc_s)
{
    int64_t year = year_of(utc_s), next_s = OD_NEVER_S;
    for (int64_t each = year - 1; rule->has_summer && each <= year + 1; each++) {
        int64_t end = end_s(rule, each), begin = begin_s(rule, each);
        if (end > utc_s && end < next_s)
            next_s = end;
        if (begin > utc_s && begin < next_s)
            next_s = begin;
    }
    return next_s;
}
