#include "store/alarm.h"

#include <string.h>

int od_alarm_place_compare(const struct od_alarm_place *a, const struct od_alarm_place *b)
{
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms ? -1 : 1;
    int order = memcmp(a->id, b->id, OD_ID_BYTES);
    return order != 0 ? order : od_slice_compare(od_alarm_place_name(a), od_alarm_place_name(b));
}

od_slice od_alarm_place_name(const struct od_alarm_place *place)
{
    OD_ASSERT(place->name_size <= sizeof place->name);
    return (od_slice){place->name, place->name_size};
}

void od_alarm_row_put(struct od_bytes *bytes, const struct od_alarm *alarm, od_slice body)
{
    OD_ASSERT(body.size <= OD_STORE_ALARM_BODY_BYTES_MAX);
    od_alarm_put(bytes, alarm);
    od_bytes_put_slice(bytes, body);
}

bool od_alarm_row_read(od_slice bytes, struct od_alarm_row *row)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    od_alarm_read(&cursor, &row->alarm);
    row->body = od_cursor_rest(&cursor);
    return !cursor.failed && row->body.size <= OD_STORE_ALARM_BODY_BYTES_MAX;
}

void od_alarm_put(struct od_bytes *bytes, const struct od_alarm *alarm)
{
    OD_ASSERT(alarm->time_ms >= 0);
    OD_ASSERT(alarm->due_ms >= 0);
    od_bytes_put_u64(bytes, (uint64_t)alarm->time_ms);
    od_bytes_put_u64(bytes, (uint64_t)alarm->due_ms);
    od_bytes_put_u32(bytes, alarm->retries);
    od_bytes_put_u32(bytes, alarm->serial);
}

void od_alarm_read(struct od_cursor *cursor, struct od_alarm *alarm)
{
    alarm->time_ms = (od_time_ms)od_cursor_u64(cursor);
    alarm->due_ms = (od_time_ms)od_cursor_u64(cursor);
    alarm->retries = od_cursor_u32(cursor);
    alarm->serial = od_cursor_u32(cursor);
    if (alarm->time_ms < 0 || alarm->due_ms < 0)
        cursor->failed = true;
}
