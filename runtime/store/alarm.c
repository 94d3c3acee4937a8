#include "store/alarm.h"

#include <string.h>

int od_alarm_place_compare(const struct od_alarm_place *a, const struct od_alarm_place *b)
{
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms ? -1 : 1;
    return memcmp(a->id, b->id, OD_ID_BYTES);
}

void od_alarm_put(struct od_bytes *bytes, const struct od_alarm *alarm)
{
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
