#include "main/operator/status.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "main/operator/limits.h"
#include "main/operator/status_page.h"

// One question: what has come in for it so far.
struct inquiry {
    struct od_status *status;
    struct od_list link;
    uint64_t number;
    struct od_control_question *question;
    bool json;
    bool is_brief;    // JSON without the objects.
    bool is_settling; // Workers answer when they have nothing to do.
    uint32_t missing; // Reports that may still come.
    struct od_timer deadline;
    struct od_bytes *reports; // One for each worker; empty: it has not answered.
};

static void free_inquiry(struct inquiry *inquiry)
{
    struct od_status *status = inquiry->status;
    OD_ASSERT(!od_list_is_empty(&inquiry->link));
    od_loop_clear_timer(status->loop, &inquiry->deadline);
    od_list_remove(&inquiry->link);
    for (uint32_t i = 0; i < status->supervisor->child_count; i++)
        od_bytes_deinit(&inquiry->reports[i]);
    free(inquiry->reports);
    free(inquiry);
}

static void answer_settled(struct inquiry *inquiry)
{
    struct od_bytes text = {0};
    for (uint32_t i = 0; i < inquiry->status->supervisor->child_count; i++) {
        char line[64];
        if (inquiry->reports[i].size > 0)
            continue;
        snprintf(line, sizeof line, "worker %u still has something to do\n", i);
        od_bytes_put_slice(&text, od_slice_of(line));
    }
    od_control_answer(inquiry->question, text.size == 0, od_bytes_slice(&text));
    od_bytes_deinit(&text);
    free_inquiry(inquiry);
}

static void answer(struct inquiry *inquiry)
{
    OD_ASSERT(!od_list_is_empty(&inquiry->link));
    if (inquiry->is_settling) {
        answer_settled(inquiry);
        return;
    }
    struct od_bytes page = {0};
    if (inquiry->json || inquiry->is_brief)
        od_status_page_json(&page, inquiry->status, inquiry->reports, inquiry->is_brief);
    else
        od_status_page_text(&page, inquiry->status, inquiry->reports);
    od_control_answer(inquiry->question, true, od_bytes_slice(&page));
    od_bytes_deinit(&page);
    free_inquiry(inquiry);
}

static void on_late(struct od_timer *timer)
{
    answer(OD_TIMER_MEMBER(timer, struct inquiry, deadline));
}

static void ask_workers(struct inquiry *inquiry)
{
    OD_ASSERT(inquiry->missing == 0);
    struct od_supervisor *supervisor = inquiry->status->supervisor;
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        struct od_child *child = od_supervisor_ready(supervisor, i);
        if (child == NULL)
            continue;
        size_t mark = od_link_begin(&child->link, OD_KIND_STATUS, -1);
        od_bytes_put_u64(&child->link.out, inquiry->number);
        od_bytes_put_u8(&child->link.out, inquiry->is_settling);
        od_link_end(&child->link, mark);
        inquiry->missing++;
    }
}

static struct inquiry *new_inquiry(struct od_status *status, struct od_control_question *question)
{
    struct inquiry *inquiry = od_allocate_zeroed(sizeof *inquiry);
    inquiry->status = status;
    inquiry->number = ++status->last_question;
    inquiry->question = question;
    inquiry->deadline.fire = on_late;
    inquiry->reports =
        od_allocate_zeroed(status->supervisor->child_count * sizeof *inquiry->reports);
    od_list_init(&inquiry->link);
    od_list_push_back(&status->inquiries, &inquiry->link);
    return inquiry;
}

static void inquire(struct inquiry *inquiry, od_time_ms ms_max)
{
    ask_workers(inquiry);
    OD_ASSERT(inquiry->missing <= inquiry->status->supervisor->child_count);
    if (inquiry->missing == 0)
        answer(inquiry);
    else
        od_loop_set_timer(inquiry->status->loop, &inquiry->deadline, ms_max);
}

void od_status_ask(struct od_status *status, struct od_control_question *question, od_slice rest)
{
    struct inquiry *inquiry = new_inquiry(status, question);
    inquiry->json = od_slice_equal(rest, OD_SLICE("json"));
    inquiry->is_brief = od_slice_equal(rest, OD_SLICE("brief"));
    inquire(inquiry, OD_STATUS_MS_MAX);
}

static void on_due_gone(struct od_timer *timer)
{
    struct inquiry *inquiry = OD_TIMER_MEMBER(timer, struct inquiry, deadline);
    timer->fire = on_late;
    inquire(inquiry, OD_SETTLE_MS_MAX);
}

// Workers are asked behind what is due in main by now: timers fire in the order of their times.
void od_status_ask_settled(struct od_status *status, struct od_control_question *question)
{
    struct inquiry *inquiry = new_inquiry(status, question);
    inquiry->is_settling = true;
    inquiry->deadline.fire = on_due_gone;
    od_loop_set_timer(status->loop, &inquiry->deadline, 0);
}

static struct inquiry *find(struct od_status *status, uint64_t number)
{
    OD_LIST_EACH (link, &status->inquiries) {
        struct inquiry *inquiry = OD_LIST_MEMBER(link, struct inquiry, link);
        if (inquiry->number == number)
            return inquiry;
    }
    return NULL;
}

bool od_status_take_report(struct od_status *status, const struct od_child *child, od_slice body)
{
    OD_ASSERT(child->index < status->supervisor->child_count);
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t number = od_cursor_u64(&cursor);
    od_slice report = od_cursor_rest(&cursor);
    struct inquiry *inquiry = find(status, number);
    if (cursor.failed || report.size == 0)
        return false;
    if (inquiry == NULL || inquiry->missing == 0 || inquiry->reports[child->index].size > 0)
        return true; // Nobody waits for it, or has asked.
    od_bytes_put_slice(&inquiry->reports[child->index], report);
    if (--inquiry->missing == 0)
        answer(inquiry);
    return true;
}

void od_status_init(struct od_status *status, struct od_loop *loop,
                    struct od_supervisor *supervisor, struct od_alarm_clock *alarm_clock,
                    const struct od_connection_limit *connection_limit,
                    const struct od_options *options)
{
    *status = (struct od_status){.loop = loop,
                                 .supervisor = supervisor,
                                 .alarm_clock = alarm_clock,
                                 .connection_limit = connection_limit,
                                 .options = options,
                                 .started_ms = od_clock_monotonic_ms()};
    od_list_init(&status->inquiries);
}

void od_status_deinit(struct od_status *status)
{
    OD_LIST_EACH_SAFE (link, &status->inquiries)
        answer(OD_LIST_MEMBER(link, struct inquiry, link));
}
