#include "store/reports.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

enum report_kind {
    DURABLE,
    APPLIED,
    FAILED,
    FORGOTTEN,
    ALARM,
    STALLED,
    LOST,
    PLACED,
};

struct od_report {
    enum report_kind kind;
    uint32_t source;
    uint32_t generation; // FAILED
    od_seq seq;          // DURABLE, APPLIED: the last; FAILED: the first.
    char *why;           // FAILED, STALLED, LOST; owned.
    od_time_ms due_ms;   // ALARM.
    od_slot slot;        // PLACED.
    bool is_here;        // PLACED.
};

void od_reports_init(struct od_reports *reports, uv_loop_t *loop, uv_async_cb on_wake, void *owner)
{
    memset(reports, 0, sizeof *reports);
    int code = pthread_mutex_init(&reports->mutex, NULL);
    OD_ASSERT(code == 0);
    code = uv_async_init(loop, &reports->wake, on_wake);
    OD_ASSERT(code == 0); // A loop has the descriptor for it since its own beginning.
    reports->wake.data = owner;
}

void od_reports_deinit(struct od_reports *reports)
{
    pthread_mutex_destroy(&reports->mutex);
    free(reports->list);
}

static void push(struct od_reports *reports, struct od_report report)
{
    OD_ASSERT(reports->size <= reports->capacity);
    OD_ASSERT(reports->group_begin <= reports->size);
    if (reports->size == reports->capacity)
        reports->list = od_grow(reports->list, &reports->capacity, sizeof *reports->list);
    reports->list[reports->size++] = report;
}

void od_reports_begin_group(struct od_reports *reports)
{
    pthread_mutex_lock(&reports->mutex);
    reports->group_begin = reports->size;
}

// One report for all submissions of a source in a group.
static void push_last(struct od_reports *reports, enum report_kind kind, uint32_t source,
                      od_seq seq)
{
    for (size_t i = reports->group_begin; i < reports->size; i++) {
        struct od_report *report = &reports->list[i];
        if (report->source == source && report->kind == kind) {
            report->seq = seq;
            return;
        }
    }
    push(reports, (struct od_report){.kind = kind, .source = source, .seq = seq});
}

void od_reports_durable(struct od_reports *reports, uint32_t source, od_seq seq)
{
    push_last(reports, DURABLE, source, seq);
}

void od_reports_applied(struct od_reports *reports, uint32_t source, od_seq seq)
{
    push_last(reports, APPLIED, source, seq);
}

void od_reports_failed(struct od_reports *reports, uint32_t source, uint32_t generation,
                       od_seq first_seq, const char *why)
{
    push(reports, (struct od_report){.kind = FAILED,
                                     .source = source,
                                     .generation = generation,
                                     .seq = first_seq,
                                     .why = od_text_copy(od_slice_of(why))});
}

void od_reports_forgotten(struct od_reports *reports, uint32_t source)
{
    push(reports, (struct od_report){.kind = FORGOTTEN, .source = source});
}

void od_reports_alarm(struct od_reports *reports, od_time_ms due_ms)
{
    push(reports, (struct od_report){.kind = ALARM, .due_ms = due_ms});
}

void od_reports_placed(struct od_reports *reports, od_slot slot, bool is_here)
{
    push(reports, (struct od_report){.kind = PLACED, .slot = slot, .is_here = is_here});
}

void od_reports_stalled(struct od_reports *reports, const char *why)
{
    push(reports, (struct od_report){.kind = STALLED, .why = od_text_copy(od_slice_of(why))});
}

void od_reports_lost(struct od_reports *reports, const char *why, const char *advice)
{
    struct od_error err;
    od_error_set(&err, "%s%s", why, advice);
    push(reports, (struct od_report){.kind = LOST, .why = od_text_copy(od_slice_of(err.text))});
}

void od_reports_end_group(struct od_reports *reports)
{
    bool has_news = reports->size > 0;
    pthread_mutex_unlock(&reports->mutex);
    if (has_news)
        uv_async_send(&reports->wake);
}

static void deliver(struct od_report *report, const struct od_committer_events *events, void *owner)
{
    switch (report->kind) {
    case DURABLE:
        events->durable(owner, report->source, report->seq);
        break;
    case APPLIED:
        events->applied(owner, report->source, report->seq);
        break;
    case FAILED:
        events->failed(owner, report->source, report->generation, report->seq, report->why);
        break;
    case FORGOTTEN:
        events->forgotten(owner, report->source);
        break;
    case ALARM:
        events->alarm(owner, report->due_ms);
        break;
    case STALLED:
        events->stalled(owner, report->why);
        break;
    case LOST:
        events->lost(owner, report->why);
        break;
    case PLACED:
        events->placed(owner, report->slot, report->is_here);
        break;
    }
    free(report->why);
}

void od_reports_deliver(struct od_reports *reports, const struct od_committer_events *events,
                        void *owner)
{
    pthread_mutex_lock(&reports->mutex);
    struct od_report *list = reports->list;
    size_t size = reports->size;
    reports->list = NULL; // Events may take long; the thread must not wait for them.
    reports->size = reports->capacity = 0;
    pthread_mutex_unlock(&reports->mutex);
    for (size_t i = 0; i < size; i++)
        deliver(&list[i], events, owner);
    free(list);
}
