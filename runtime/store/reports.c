#include "store/reports.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
    OBJECT_LOADED,
    FILLED,
};

struct od_report {
    enum report_kind kind;
    uint32_t source;
    uint32_t generation;     // FAILED
    od_seq seq;              // DURABLE, APPLIED: the last; FAILED: the first.
    char *why;               // FAILED, STALLED, LOST; owned.
    od_time_ms due_ms;       // ALARM.
    od_slot slot;            // PLACED, FILLED.
    uint8_t id[OD_ID_BYTES]; // OBJECT_LOADED.
    bool is_here;            // PLACED.
    bool only_alarms;        // FILLED,
    bool is_whole;           // and this.
};

bool od_reports_init(struct od_reports *reports, uv_loop_t *loop, uv_poll_cb on_wake, void *owner)
{
    memset(reports, 0, sizeof *reports);
    reports->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reports->wake_fd < 0)
        return false;
    int code = pthread_mutex_init(&reports->mutex, NULL);
    OD_ASSERT(code == 0);
    code = uv_poll_init(loop, &reports->wake, reports->wake_fd);
    OD_ASSERT(code == 0);
    code = uv_poll_start(&reports->wake, UV_READABLE, on_wake);
    OD_ASSERT(code == 0);
    reports->wake.data = owner;
    return true;
}

void od_reports_deinit(struct od_reports *reports)
{
    pthread_mutex_destroy(&reports->mutex);
    close(reports->wake_fd);
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

void od_reports_at(struct od_reports *reports, const struct od_journal_moment *moment)
{
    OD_ASSERT(moment->sequence > reports->moment.sequence);
    reports->moment = *moment;
}

struct od_journal_moment od_reports_moment(struct od_reports *reports)
{
    pthread_mutex_lock(&reports->mutex);
    struct od_journal_moment moment = reports->moment;
    pthread_mutex_unlock(&reports->mutex);
    return moment;
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

void od_reports_loaded(struct od_reports *reports, const uint8_t id[OD_ID_BYTES])
{
    struct od_report report = {.kind = OBJECT_LOADED};
    memcpy(report.id, id, OD_ID_BYTES);
    push(reports, report);
}

void od_reports_filled(struct od_reports *reports, od_slot slot, bool only_alarms, bool is_whole)
{
    push(reports,
         (struct od_report){
             .kind = FILLED, .slot = slot, .only_alarms = only_alarms, .is_whole = is_whole});
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
    bool must_wake = reports->size > 0 && !reports->is_woken;
    reports->is_woken = reports->is_woken || must_wake;
    pthread_mutex_unlock(&reports->mutex);
    if (must_wake)
        (void)!eventfd_write(reports->wake_fd, 1);
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
    case OBJECT_LOADED:
        events->loaded(owner, report->id);
        break;
    case FILLED:
        events->filled(owner, report->slot, report->only_alarms, report->is_whole);
        break;
    }
    free(report->why);
}

void od_reports_deliver(struct od_reports *reports, const struct od_committer_events *events,
                        void *owner)
{
    eventfd_t count;
    (void)!eventfd_read(reports->wake_fd, &count);
    pthread_mutex_lock(&reports->mutex);
    reports->is_woken = false;
    struct od_report *list = reports->list;
    size_t size = reports->size;
    reports->list = NULL; // Events may take long; the thread must not wait for them.
    reports->size = reports->capacity = 0;
    pthread_mutex_unlock(&reports->mutex);
    for (size_t i = 0; i < size; i++)
        deliver(&list[i], events, owner);
    free(list);
}
