#include "engine/mishap.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/log_field.h"
#include "object/history.h"
#include "object/task.h"

// The message without the place it begins with.
static od_slice without_place(od_slice message, od_slice where)
{
    bool begins = where.size > 0 && od_slice_starts_with(message, where);
    od_slice rest = od_slice_from(message, begins ? where.size : 0);
    return od_slice_starts_with(rest, OD_SLICE(": ")) ? od_slice_from(rest, 2) : rest;
}

static void log_line(const struct od_object *object, od_slice message,
                     const struct od_error_report *report)
{
    struct od_bytes fields = {0};
    od_task_put_fields(&fields, object->running);
    if (report->line > 0) {
        od_log_field_text(&fields, "file", od_slice_of(report->file));
        od_log_field_number(&fields, "line", report->line);
    }
    od_log_put(&(struct od_log_line){.level = OD_LOG_ERROR,
                                     .object = od_slice_of(object->label),
                                     .message = message,
                                     .fields = od_bytes_slice(&fields)});
    od_bytes_deinit(&fields);
}

void od_mishap_tell(struct od_object *object, const char *what,
                    const struct od_error_report *report)
{
    struct od_bytes line = {0};
    od_bytes_put_slice(&line, od_slice_of(what));
    od_bytes_put_slice(&line, OD_SLICE(": "));
    od_bytes_put_slice(&line, od_error_report_whole(report));
    log_line(object, od_bytes_slice(&line), report);
    od_bytes_deinit(&line);
    char text[OD_HISTORY_WHERE_BYTES] = "";
    if (report->line > 0)
        snprintf(text, sizeof text, "%s:%d", report->file, report->line);
    od_slice where = od_slice_of(text);
    od_object_history_error(object, where, without_place(od_error_report_message(report), where));
}
