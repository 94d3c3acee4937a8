#include "base/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/civil.h"
#include "base/zone_rule.h"

static const char directory[] = "/usr/share/zoneinfo";

enum {
    file_bytes_max = 1 << 20,
    head_bytes = 44,
    type_bytes = 6,
};

struct od_zone {
    uint32_t time_count;
    uint32_t type_count;
    const uint8_t *times; // 8 bytes each, rising: from then on
    const uint8_t *kinds; // the type of that number
    const uint8_t *types; // is valid.
    bool has_rule;        // For what is behind the last time.
    struct od_zone_rule rule;
    struct od_bytes file;
};

// --- Its file ------------------------------------------------------------------------------------

static uint32_t u32_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t time_at(const struct od_zone *zone, uint32_t index)
{
    OD_ASSERT(index < zone->time_count);
    const uint8_t *bytes = zone->times + 8 * (size_t)index;
    return (int64_t)((uint64_t)u32_at(bytes) << 32 | u32_at(bytes + 4));
}

static int32_t offset_at(const struct od_zone *zone, uint32_t type)
{
    OD_ASSERT(type < zone->type_count);
    return (int32_t)u32_at(zone->types + type_bytes * (size_t)type);
}

struct counts { // In the order of the head.
    uint32_t utc, standard, leap, time, type, character;
};

static bool read_head(od_slice rest, struct counts *counts)
{
    const uint8_t *head = (const uint8_t *)rest.at;
    if (rest.size < head_bytes || memcmp(head, "TZif", 4) != 0 || head[4] < '2')
        return false;
    uint32_t *fields[] = {&counts->utc,  &counts->standard, &counts->leap,
                          &counts->time, &counts->type,     &counts->character};
    for (size_t i = 0; i < 6; i++) {
        *fields[i] = u32_at(head + 20 + 4 * i);
        if (*fields[i] > file_bytes_max)
            return false;
    }
    return true;
}

static size_t block_bytes(const struct counts *counts, size_t time_bytes)
{
    return counts->time * (time_bytes + 1) + counts->type * (size_t)type_bytes + counts->character +
           counts->leap * (time_bytes + 4) + counts->standard + counts->utc;
}

static bool kinds_are_known(const struct od_zone *zone)
{
    for (uint32_t i = 0; i < zone->time_count; i++) {
        if (zone->kinds[i] >= zone->type_count)
            return false;
    }
    return zone->type_count > 0;
}

// "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; nothing between is allowed.
static bool read_rule(struct od_zone *zone, od_slice footer)
{
    od_slice text = od_slice_trim(footer, "\n");
    zone->has_rule = text.size > 0;
    return !zone->has_rule || od_zone_rule_parse(text, &zone->rule);
}

// The first block has times of 32 bits; the second is the whole of it.
static bool parse(struct od_zone *zone)
{
    struct counts counts;
    od_slice rest = od_bytes_slice(&zone->file);
    if (!read_head(rest, &counts))
        return false;
    rest = od_slice_from(rest, head_bytes + block_bytes(&counts, 4));
    if (!read_head(rest, &counts) || rest.size < head_bytes + block_bytes(&counts, 8))
        return false;
    zone->time_count = counts.time;
    zone->type_count = counts.type;
    zone->times = (const uint8_t *)rest.at + head_bytes;
    zone->kinds = zone->times + 8 * (size_t)counts.time;
    zone->types = zone->kinds + counts.time;
    return kinds_are_known(zone) &&
           read_rule(zone, od_slice_from(rest, head_bytes + block_bytes(&counts, 8)));
}

static bool read_file(struct od_zone *zone, od_slice name)
{
    char path[sizeof directory + OD_ZONE_NAME_BYTES_MAX + 1], part[4096];
    OD_ASSERT(name.size <= OD_ZONE_NAME_BYTES_MAX);
    snprintf(path, sizeof path, "%s/%.*s", directory, (int)name.size, name.at);
    FILE *file = fopen(path, "rbe");
    size_t got = 0;
    if (file == NULL)
        return false;
    while (zone->file.size < file_bytes_max && (got = fread(part, 1, sizeof part, file)) > 0)
        od_bytes_put(&zone->file, part, got);
    fclose(file);
    return zone->file.size > 0;
}

static bool name_is_valid(od_slice name)
{
    if (name.size == 0 || name.size > OD_ZONE_NAME_BYTES_MAX || !isalpha((unsigned char)*name.at))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.at[i];
        if (!isalnum(byte) && (byte == '\0' || strchr("_+-/", byte) == NULL))
            return false;
    }
    return true;
}

static bool refuse(struct od_error *err, od_slice name)
{
    FILE *any = fopen("/usr/share/zoneinfo/UTC", "rbe");
    if (any == NULL)
        return od_error_set(err, "there are no time zones in %s; install Debian's package tzdata",
                            directory);
    fclose(any);
    return od_error_set(err,
                        "'%.*s' is no time zone; it must be a name of %s, like \"Europe/Berlin\"",
                        (int)name.size, name.at, directory);
}

bool od_zone_open(struct od_zone **zone, od_slice name, struct od_error *err)
{
    *zone = NULL;
    if (od_slice_equal(name, OD_SLICE("UTC")))
        return true;
    *zone = od_allocate_zeroed(sizeof **zone);
    if (name_is_valid(name) && read_file(*zone, name) && parse(*zone))
        return true;
    od_zone_free(*zone);
    *zone = NULL;
    return refuse(err, name);
}

void od_zone_free(struct od_zone *zone)
{
    if (zone != NULL)
        od_bytes_deinit(&zone->file);
    free(zone);
}

// --- What it says --------------------------------------------------------------------------------

// How many of its times are at or before [utc_s].
static uint32_t count_until(const struct od_zone *zone, int64_t utc_s)
{
    uint32_t low = 0, high = zone->time_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (time_at(zone, middle) <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t od_zone_offset_s(const struct od_zone *zone, int64_t utc_s)
{
    if (zone == NULL)
        return 0;
    uint32_t count = count_until(zone, utc_s);
    if (count == zone->time_count && zone->has_rule)
        return od_zone_rule_offset_s(&zone->rule, utc_s);
    return offset_at(zone, count == 0 ? 0 : zone->kinds[count - 1]);
}

int64_t od_zone_change_after_s(const struct od_zone *zone, int64_t utc_s)
{
    if (zone == NULL)
        return OD_NEVER_S;
    uint32_t count = count_until(zone, utc_s);
    if (count < zone->time_count)
        return time_at(zone, count);
    return zone->has_rule ? od_zone_rule_change_after_s(&zone->rule, utc_s) : OD_NEVER_S;
}

// No zone changes its offset twice within two days.
int64_t od_zone_moment_s(const struct od_zone *zone, int64_t local_s)
{
    int32_t before = od_zone_offset_s(zone, local_s - OD_DAY_S);
    int32_t after = od_zone_offset_s(zone, local_s + OD_DAY_S);
    int64_t early = local_s - before, late = local_s - after;
    if (od_zone_offset_s(zone, early) == before)
        return early;
    if (od_zone_offset_s(zone, late) == after)
        return late;
    return od_zone_change_after_s(zone, late);
}
