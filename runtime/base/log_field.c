#include "base/log_field.h"

#include <stdio.h>

#include "base/escape.h"

static const char *const taken[] = {"time",    "level", "object", "message", "event",
                                    "method",  "path",  "ms",     "status",  "peer",
                                    "version", "file",  "line",   "code"};

static void begin(struct od_bytes *fields, od_slice name)
{
    OD_ASSERT(name.size > 0);
    od_bytes_put_slice(fields, OD_SLICE(",\""));
    od_escape_put_json(fields, name);
}

void od_log_field_text(struct od_bytes *fields, const char *name, od_slice text)
{
    if (text.size == 0)
        return;
    begin(fields, od_slice_of(name));
    od_bytes_put_slice(fields, OD_SLICE("\":\""));
    od_escape_put_json(fields, text);
    od_bytes_put_u8(fields, '"');
}

void od_log_field_number(struct od_bytes *fields, const char *name, double number)
{
    char text[32];
    int size = snprintf(text, sizeof text, "\":%.15g", number);
    OD_ASSERT(size > 0 && (size_t)size < sizeof text);
    begin(fields, od_slice_of(name));
    od_bytes_put(fields, text, (size_t)size);
}

static bool is_taken(od_slice name)
{
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (od_slice_equal(name, od_slice_of(taken[i])))
            return true;
    }
    return false;
}

void od_log_field_json(struct od_bytes *fields, od_slice name, od_slice json)
{
    begin(fields, name);
    od_bytes_put_slice(fields, is_taken(name) ? OD_SLICE("_\":") : OD_SLICE("\":"));
    od_bytes_put_slice(fields, json);
}
