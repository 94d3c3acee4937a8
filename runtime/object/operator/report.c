#include "object/operator/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "object/call.h"
#include "object/section.h"
#include "object/task.h"
#include "object/timeout.h"
#include "sql/sql.h"

struct reasons {
    struct od_bytes *report;
    uint32_t count;
};

static void put_reason(struct reasons *reasons, const char *format, ...) OD_PRINTF(2, 3);

static void put_reason(struct reasons *reasons, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    od_bytes_put_string(reasons->report, od_slice_of(text));
    reasons->count++;
}

// "handler webSocketMessage", and for what it has left behind: "waitUntil of webSocketMessage".
static void describe_run(const struct od_task *task, char *text, size_t size)
{
    const char *kind = task->is_after_event ? "waitUntil of " : task->event ? "handler " : "";
    const char *name = task->event == NULL ? "constructor" : od_event_name(task->event);
    bool is_inside = od_section_is_inside(task);
    snprintf(text, size, "%s%s%s%s%s", kind, name, is_inside ? ", in " : "",
             is_inside ? task->object->work->section->call : "", is_inside ? "," : "");
}

// What it waited for is there, but it is not its turn.
static void put_held(struct reasons *reasons, const struct od_task *task, const char *run)
{
    const struct od_section *section = task->object->work->section;
    if (section != NULL && section->task != task)
        put_reason(reasons, "%s waits for the end of %s", run, section->call);
    else
        put_reason(reasons, "%s is about to go on", run);
}

static void put_task(struct reasons *reasons, const struct od_task *task)
{
    char run[96];
    describe_run(task, run, sizeof run);
    const struct od_call *call =
        task->waiting_call == 0 ? NULL : od_call_find(task->object->objects, task->waiting_call);
    if (call != NULL)
        put_reason(reasons, "%s waits for %s", run, od_call_whom(call));
    else if (od_timer_is_set(&task->timer))
        put_reason(reasons, "%s waits for od.sleep, %.1f s to go", run,
                   (double)(task->timer.due_ms - od_clock_monotonic_ms()) / 1000);
    else if (!od_list_is_empty(&task->syncing))
        put_reason(reasons, "%s waits for the disk", run);
    else
        put_held(reasons, task, run);
}

static void put_tasks(struct reasons *reasons, const struct od_object *object)
{
    uint32_t left = 0;
    OD_LIST_EACH (link, &object->work->tasks) {
        if (reasons->count < OD_REPORT_REASONS_MAX)
            put_task(reasons, OD_LIST_MEMBER(link, struct od_task, link));
        else
            left++;
    }
    if (left > 0)
        put_reason(reasons, "%u more handlers wait", left);
}

static void put_timers(struct reasons *reasons, const struct od_object *object)
{
    double seconds = (double)od_timeouts_next_ms(object) / 1000;
    if (object->timeout_count == 1)
        put_reason(reasons, "1 timer, due in %.1f s", seconds);
    else if (object->timeout_count > 1)
        put_reason(reasons, "%u timers, the next due in %.1f s", object->timeout_count, seconds);
}

static void put_idle(struct reasons *reasons, const struct od_object *object)
{
    od_time_ms for_ms = od_clock_monotonic_ms() - object->work->idle_since_ms;
    put_reason(reasons, "idle for %.1f s", (double)for_ms / 1000);
}

void od_report_put_why(struct od_bytes *report, const struct od_object *object)
{
    size_t place = report->size;
    struct reasons reasons = {.report = report};
    od_bytes_put_u32(report, 0);
    put_tasks(&reasons, object);
    put_timers(&reasons, object);
    if (object->inbox_count > 0)
        put_reason(&reasons, "queue %u", object->inbox_count);
    if (!od_list_is_empty(&object->work->outbox))
        put_reason(&reasons, "what it sent waits for the disk");
    if (!od_list_is_empty(&object->work->idle))
        put_idle(&reasons, object);
    od_bytes_set_u32(report, place, reasons.count);
}

static void put_object(struct od_bytes *report, const struct od_object *object, od_time_ms now)
{
    od_bytes_put_string(report, od_slice_of(object->label));
    od_bytes_put_u64(report, (uint64_t)(now - object->work->awake_since_ms));
    od_report_put_why(report, object);
}

static void put_awake(struct od_bytes *report, const struct od_objects *objects)
{
    od_time_ms now = od_clock_monotonic_ms();
    int count = 0;
    if (objects->entry != NULL && !od_list_is_empty(&objects->entry->work->tasks))
        put_object(report, objects->entry, now);
    OD_LIST_EACH (link, &objects->awake) {
        if (count++ == OD_REPORT_OBJECTS_MAX)
            return;
        put_object(report, OD_LIST_MEMBER(link, struct od_work, awake)->object, now);
    }
}

// Counts the events in all inboxes. Only objects that are awake or ready can have any, so the idle
// are not walked.
static uint32_t count_queued(const struct od_objects *objects)
{
    uint32_t count = objects->entry == NULL ? 0 : objects->entry->inbox_count;
    OD_LIST_EACH (link, &objects->awake)
        count += OD_LIST_MEMBER(link, struct od_work, awake)->object->inbox_count;
    OD_LIST_EACH (link, &objects->ready) {
        const struct od_object *object = OD_LIST_MEMBER(link, struct od_work, ready)->object;
        count += object->state == OD_ASLEEP ? object->inbox_count : 0;
    }
    return count;
}

void od_report_put(struct od_bytes *report, const struct od_objects *objects)
{
    struct od_script_memory memory = {0};
    if (objects->script != NULL)
        memory = objects->script->memory(objects->script);
    od_bytes_put_u32(report, objects->awake_count);
    od_bytes_put_u32(report, (uint32_t)objects->by_id.size - objects->awake_count);
    od_bytes_put_u32(report, (uint32_t)objects->sockets.size);
    od_bytes_put_u32(report, count_queued(objects));
    od_bytes_put_u64(report, memory.used_bytes);
    od_bytes_put_u64(report, memory.bytes_max);
    struct od_sql_status sql = od_sql_status();
    od_bytes_put_u32(report, sql.open);
    od_bytes_put_u64(report, sql.bytes);
    put_awake(report, objects);
}
