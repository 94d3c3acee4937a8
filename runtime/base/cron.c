#include "base/cron.h"

#include <ctype.h>
#include <string.h>

#include "base/civil.h"

enum {
    minute_s = 60,
    day_minutes = 24 * 60,
    search_days = 12 * 366, // The 29th of February is at most eight years away.
    field_count = 5,
    DAY = 2, // Its place in [fields].
};

struct field {
    const char *name;
    int low, high;
    const char *words; // Three letters each; the first is [low].
};

static const struct field fields[field_count] = {
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day", 1, 31, ""},
    {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    {"weekday", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
};

// --- Reading -------------------------------------------------------------------------------------

struct parse {
    od_slice text; // All of it, for errors.
    const struct field *field;
    const char *at;
    const char *end; // Of the field.
    uint64_t bits;
    struct od_error *err;
};

static bool fail(const struct parse *parse, const char *what)
{
    return od_error_set(parse->err, "\"%.*s\": %s: %s", (int)parse->text.size, parse->text.at,
                        parse->field->name, what);
}

static bool fail_number(const struct parse *parse, long number)
{
    return od_error_set(parse->err, "\"%.*s\": %s %ld is not between %d and %d",
                        (int)parse->text.size, parse->text.at, parse->field->name, number,
                        parse->field->low, parse->field->high);
}

static bool takes(struct parse *parse, char byte)
{
    if (parse->at == parse->end || *parse->at != byte)
        return false;
    parse->at++;
    return true;
}

static bool take_digits(struct parse *parse, long *number)
{
    const char *begin = parse->at;
    for (*number = 0; parse->at < parse->end && isdigit((unsigned char)*parse->at); parse->at++)
        *number = *number > 9999 ? *number : *number * 10 + (*parse->at - '0');
    return parse->at > begin;
}

static bool take_word(struct parse *parse, long *number)
{
    const char *words = parse->field->words;
    if (parse->end - parse->at < 3)
        return false;
    for (int i = 0; words[3 * (size_t)i] != '\0'; i++) {
        od_slice word = {words + 3 * (size_t)i, 3};
        if (od_slice_equal_nocase(word, (od_slice){parse->at, 3})) {
            parse->at += 3;
            *number = parse->field->low + i;
            return true;
        }
    }
    return false;
}

static bool take_value(struct parse *parse, long *number)
{
    if (take_word(parse, number))
        return true;
    if (!take_digits(parse, number))
        return fail(parse, parse->field->words[0] != '\0'
                               ? "there must be numbers, ranges or names of three letters"
                               : "there must be numbers, ranges, or *");
    if (*number < parse->field->low || *number > parse->field->high)
        return fail_number(parse, *number);
    return true;
}

// "SAT-SUN": a Sunday at the end is the seventh day.
static bool take_range_end(struct parse *parse, long low, long *high)
{
    if (!take_value(parse, high))
        return false;
    bool is_weekday = parse->field->high == 7;
    if (is_weekday && *high == 0 && low > 0)
        *high = 7;
    return *high >= low || fail(parse, "a range must rise; write two of them with a comma");
}

static bool take_step(struct parse *parse, long low, long high, long *step)
{
    if (!take_digits(parse, step) || *step == 0)
        return fail(parse, "a step must be a number from 1 up");
    return *step <= high - low ||
           fail(parse, "the step is longer than what it steps through, so it would come only once");
}

static void set_bits(struct parse *parse, long low, long high, long step)
{
    OD_ASSERT(low >= 0);
    OD_ASSERT(high <= 59);
    OD_ASSERT(step > 0);
    for (long i = low; i <= high; i += step)
        parse->bits |= (uint64_t)1 << i;
}

// [has_width]: it is more than one number, so a step may follow.
static bool take_span(struct parse *parse, long *low, long *high, bool *has_width)
{
    *has_width = takes(parse, '*');
    if (*has_width) {
        *low = parse->field->low;
        *high = parse->field->high == 7 ? 6 : parse->field->high;
        return true;
    }
    if (!take_value(parse, low))
        return false;
    *has_width = takes(parse, '-');
    *high = *low;
    return !*has_width || take_range_end(parse, *low, high);
}

static bool take_item(struct parse *parse)
{
    long low, high, step = 1;
    bool has_width;
    if (parse->field == &fields[DAY] && (takes(parse, 'L') || takes(parse, 'l'))) {
        parse->bits |= 1;
        return true;
    }
    if (!take_span(parse, &low, &high, &has_width))
        return false;
    if (takes(parse, '/')) {
        if (!has_width)
            return fail(parse, "a step belongs behind * or a range");
        if (!take_step(parse, low, high, &step))
            return false;
    }
    set_bits(parse, low, high, step);
    return true;
}

static bool take_field(struct parse *parse, od_slice part, uint64_t *bits, bool *is_any)
{
    parse->at = part.at;
    parse->end = part.at + part.size;
    parse->bits = 0;
    *is_any = *part.at == '*';
    do {
        if (!take_item(parse))
            return false;
    } while (takes(parse, ','));
    *bits = parse->bits;
    return parse->at == parse->end || fail(parse, "what follows is not known");
}

// Up to one field more than there may be; returns how many.
static size_t split(od_slice text, od_slice parts[field_count + 1])
{
    size_t count = 0, at = 0;
    while (count <= field_count) {
        while (at < text.size && (text.at[at] == ' ' || text.at[at] == '\t'))
            at++;
        if (at == text.size)
            break;
        size_t begin = at;
        while (at < text.size && text.at[at] != ' ' && text.at[at] != '\t')
            at++;
        parts[count++] = (od_slice){text.at + begin, at - begin};
    }
    return count;
}

static od_slice without_nickname(od_slice text)
{
    static const struct {
        const char *name;
        const char *means;
    } nicknames[] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                     {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                     {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                     {"@annually", "0 0 1 1 *"}};
    for (size_t i = 0; i < sizeof nicknames / sizeof *nicknames; i++) {
        if (od_slice_equal(text, od_slice_of(nicknames[i].name)))
            return od_slice_of(nicknames[i].means);
    }
    return text;
}

static bool take_fields(struct parse *parse, const od_slice *parts, struct od_cron *cron)
{
    bool is_any;
    uint64_t *bits[] = {&cron->minutes, &cron->hours, &cron->days, &cron->months, &cron->weekdays};
    bool *any[] = {&is_any, &cron->is_any_hour, &cron->is_any_day, &is_any, &cron->is_any_weekday};
    for (int i = 0; i < field_count; i++) {
        parse->field = &fields[i];
        if (!take_field(parse, parts[i], bits[i], any[i]))
            return false;
    }
    cron->weekdays |= cron->weekdays >> 7; // 7 is 0.
    return true;
}

bool od_cron_parse(od_slice text, struct od_cron *cron, struct od_error *err)
{
    od_slice parts[field_count + 1];
    *cron = (struct od_cron){0};
    if (text.size > OD_CRON_BYTES_MAX)
        return od_error_set(err, "a cron string has at most %d bytes", OD_CRON_BYTES_MAX);
    size_t count = split(without_nickname(text), parts);
    if (count != field_count)
        return od_error_set(
            err, "\"%.*s\" has %s%zu fields; there must be five: minute hour day month weekday",
            (int)text.size, text.at, count > field_count ? "more than " : "",
            count > field_count ? (size_t)field_count : count);
    struct parse parse = {.text = text, .err = err};
    if (!take_fields(&parse, parts, cron))
        return false;
    return od_cron_next_s(cron, NULL, 0) != OD_NEVER_S ||
           od_error_set(err, "\"%.*s\" never comes: no such month has that day", (int)text.size,
                        text.at);
}

// --- The next time -------------------------------------------------------------------------------

// Of what od_cron_parse has read: a time, a day and a month there must be.
static void check(const struct od_cron *cron)
{
    OD_ASSERT(cron->minutes != 0);
    OD_ASSERT(cron->hours != 0);
    OD_ASSERT(cron->days != 0);
    OD_ASSERT(cron->months != 0);
    OD_ASSERT(cron->weekdays != 0);
}

static bool has_bit(uint64_t bits, int bit)
{
    return (bits >> bit & 1) != 0;
}

static bool is_day(const struct od_cron *cron, int64_t day)
{
    struct od_civil civil = od_civil_of_day(day);
    if (!has_bit(cron->months, civil.month))
        return false;
    bool is_last = civil.day == od_civil_month_days(civil.year, civil.month);
    bool by_day = has_bit(cron->days, civil.day) || (is_last && has_bit(cron->days, 0));
    bool by_weekday = has_bit(cron->weekdays, civil.weekday);
    bool either = !cron->is_any_day && !cron->is_any_weekday;
    return either ? by_day || by_weekday : by_day && by_weekday;
}

// The first minute of a day from [minute] on; day_minutes: none is left.
static int minute_from(const struct od_cron *cron, int minute)
{
    OD_ASSERT(minute >= 0);
    while (minute < day_minutes &&
           (!has_bit(cron->hours, minute / minute_s) || !has_bit(cron->minutes, minute % minute_s)))
        minute++;
    return minute;
}

// The first that is meant, from [local_s] on, on clocks that never change.
static int64_t local_from(const struct od_cron *cron, int64_t local_s)
{
    int64_t minutes = od_civil_floor_div(local_s + minute_s - 1, minute_s);
    int64_t day = od_civil_floor_div(minutes, day_minutes);
    int minute = (int)(minutes - day * day_minutes);
    for (int i = 0; i < search_days; i++, day++, minute = 0) {
        minute = is_day(cron, day) ? minute_from(cron, minute) : day_minutes;
        if (minute < day_minutes)
            return day * OD_DAY_S + (int64_t)minute * minute_s;
    }
    return OD_NEVER_S;
}

// Time passes: from one change of the clocks to the next they are read as they are.
static int64_t next_of_any_hour(const struct od_cron *cron, const struct od_zone *zone,
                                int64_t utc_s)
{
    for (int64_t from_s = utc_s + 1;;) {
        int32_t offset_s = od_zone_offset_s(zone, from_s);
        int64_t change_s = od_zone_change_after_s(zone, from_s);
        int64_t local_s = local_from(cron, from_s + offset_s);
        if (local_s == OD_NEVER_S || local_s - offset_s < change_s)
            return local_s == OD_NEVER_S ? local_s : local_s - offset_s;
        from_s = change_s;
    }
}

int64_t od_cron_next_s(const struct od_cron *cron, const struct od_zone *zone, int64_t utc_s)
{
    check(cron);
    if (cron->is_any_hour)
        return next_of_any_hour(cron, zone, utc_s);
    int64_t local_s = utc_s + od_zone_offset_s(zone, utc_s);
    for (;;) {
        local_s = local_from(cron, local_s + 1);
        if (local_s == OD_NEVER_S)
            return local_s;
        int64_t moment_s = od_zone_moment_s(zone, local_s);
        if (moment_s > utc_s)
            return moment_s;
    }
}
