#include "main/operator/log_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "main/operator/limits.h"

struct line {
    struct od_list link;
    uint64_t number;
    size_t size;
    char bytes[];
};

struct waiting {
    struct od_list link;
    struct od_control_question *question;
    uint64_t after;
    od_time_ms until_ms;
};

static struct line *line_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct line, link);
}

static void check(const struct od_log_book *book)
{
    OD_ASSERT(book->bytes <= OD_LOG_BOOK_BYTES);
    OD_ASSERT(book->is_open || od_list_is_empty(&book->lines));
    OD_ASSERT(!od_list_is_empty(&book->lines) || book->bytes == 0);
    OD_ASSERT(book->awaited <= book->supervisor->child_count);
}

// --- Lines ---------------------------------------------------------------------------------------

static void forget_first(struct od_log_book *book)
{
    struct line *first = line_of(od_list_pop_front(&book->lines));
    OD_ASSERT(book->bytes >= first->size);
    book->bytes -= first->size;
    free(first);
}

static void add(struct od_log_book *book, od_slice text)
{
    if (!book->is_open || text.size > OD_LOG_BOOK_BYTES)
        return;
    while (book->bytes + text.size > OD_LOG_BOOK_BYTES)
        forget_first(book);
    struct line *line = od_allocate(sizeof *line + text.size);
    line->number = ++book->last_number;
    line->size = text.size;
    memcpy(line->bytes, text.at, text.size);
    od_list_init(&line->link);
    od_list_push_back(&book->lines, &line->link);
    book->bytes += text.size;
    OD_ASSERT(book->bytes <= OD_LOG_BOOK_BYTES);
    if (!od_list_is_empty(&book->questions) && !od_timer_is_set(&book->timer))
        od_loop_set_timer(book->loop, &book->timer, OD_LOG_BOOK_GATHER_MS);
}

static void add_all(struct od_log_book *book, od_slice lines)
{
    const char *end;
    while (lines.size > 0 && (end = memchr(lines.at, '\n', lines.size)) != NULL) {
        size_t size = (size_t)(end - lines.at) + 1;
        add(book, (od_slice){lines.at, size});
        lines = od_slice_from(lines, size);
    }
}

static void on_own_line(void *owner, od_slice line)
{
    add(owner, line);
}

// They begin with their time, which as a text is in the right order. Those from different processes
// come one process after the other.
static int by_time(const void *a, const void *b)
{
    const struct line *left = *(struct line *const *)a, *right = *(struct line *const *)b;
    size_t size = left->size < right->size ? left->size : right->size;
    int order = memcmp(left->bytes, right->bytes, size < 32 ? size : 32);
    return order != 0 ? order : left->number < right->number ? -1 : 1;
}

static void sort_lines(struct od_log_book *book)
{
    size_t count = 0, i = 0;
    OD_LIST_EACH (link, &book->lines)
        count++;
    struct line **all = od_allocate((count + 1) * sizeof *all);
    struct od_list *link;
    while ((link = od_list_pop_front(&book->lines)) != NULL)
        all[i++] = line_of(link);
    OD_ASSERT(i == count);
    OD_ASSERT(book->last_number >= count);
    qsort(all, count, sizeof *all, by_time);
    for (i = 0; i < count; i++) {
        all[i]->number = book->last_number - count + i + 1;
        od_list_push_back(&book->lines, &all[i]->link);
    }
    free(all);
}

// --- Whether workers tell ------------------------------------------------------------------------

static void tell_worker(struct od_child *child, bool is_open)
{
    size_t mark = od_link_begin(&child->link, OD_KIND_TELL_LOG, -1);
    od_bytes_put_u8(&child->link.out, is_open);
    od_link_end(&child->link, mark);
}

static void tell_workers(struct od_log_book *book)
{
    book->awaited = 0;
    for (uint32_t i = 0; i < book->supervisor->child_count; i++) {
        struct od_child *child = od_supervisor_ready(book->supervisor, i);
        if (child == NULL)
            continue;
        tell_worker(child, book->is_open);
        book->awaited += book->is_open;
    }
}

static void open_book(struct od_log_book *book)
{
    struct od_bytes own = {0};
    if (book->is_open)
        return;
    OD_ASSERT(od_list_is_empty(&book->lines));
    book->is_open = true;
    od_log_put_recent(&own);
    add_all(book, od_bytes_slice(&own));
    od_bytes_deinit(&own);
    od_log_listen(on_own_line, book);
    tell_workers(book);
}

static void close_book(struct od_log_book *book)
{
    if (!book->is_open)
        return;
    book->is_open = false;
    od_log_listen(NULL, NULL);
    tell_workers(book);
    while (!od_list_is_empty(&book->lines))
        forget_first(book);
}

// A worker that has not told by now is not waited for: see look_around.
void od_log_book_born(struct od_log_book *book, struct od_child *child)
{
    check(book);
    if (book->is_open)
        tell_worker(child, true);
}

// --- Questions -----------------------------------------------------------------------------------

static void answer(struct od_log_book *book, struct waiting *waiting)
{
    OD_ASSERT(waiting->question != NULL);
    struct od_bytes text = {0};
    char head[64];
    uint64_t first =
        od_list_is_empty(&book->lines) ? book->last_number + 1 : line_of(book->lines.next)->number;
    uint64_t missed =
        waiting->after > 0 && first > waiting->after + 1 ? first - waiting->after - 1 : 0;
    int size = snprintf(head, sizeof head, "%llu %llu\n", (unsigned long long)book->last_number,
                        (unsigned long long)missed);
    od_bytes_put(&text, head, (size_t)size);
    OD_LIST_EACH (link, &book->lines) {
        const struct line *line = line_of(link);
        if (line->number > waiting->after)
            od_bytes_put(&text, line->bytes, line->size);
    }
    od_list_remove(&waiting->link);
    od_control_answer(waiting->question, true, od_bytes_slice(&text));
    od_bytes_deinit(&text);
    free(waiting);
}

static void look_around(struct od_timer *timer)
{
    struct od_log_book *book = OD_TIMER_MEMBER(timer, struct od_log_book, timer);
    od_time_ms now_ms = od_clock_monotonic_ms();
    book->awaited = 0;
    OD_LIST_EACH_SAFE (link, &book->questions) {
        struct waiting *waiting = OD_LIST_MEMBER(link, struct waiting, link);
        if (book->last_number > waiting->after || now_ms >= waiting->until_ms)
            answer(book, waiting);
    }
    if (od_list_is_empty(&book->questions) && now_ms - book->asked_ms >= OD_LOG_BOOK_MS_MAX)
        close_book(book);
    if (book->is_open)
        od_loop_set_timer(book->loop, timer, OD_LOG_BOOK_LOOK_MS);
}

static void look_soon(struct od_log_book *book, od_time_ms in_ms)
{
    od_loop_clear_timer(book->loop, &book->timer);
    od_loop_set_timer(book->loop, &book->timer, in_ms);
}

void od_log_book_ask(struct od_log_book *book, struct od_control_question *question, od_slice after)
{
    check(book);
    struct waiting *waiting = od_allocate_zeroed(sizeof *waiting);
    char digits[24] = "";
    if (after.size > 0 && after.size < sizeof digits)
        memcpy(digits, after.at, after.size);
    waiting->question = question;
    waiting->after = strtoull(digits, NULL, 10);
    waiting->until_ms = od_clock_monotonic_ms() + OD_LOG_BOOK_WAIT_MS;
    od_list_init(&waiting->link);
    od_list_push_back(&book->questions, &waiting->link);
    book->asked_ms = od_clock_monotonic_ms();
    if (waiting->after > book->last_number) // Of another life of the program.
        waiting->after = 0;
    open_book(book);
    bool is_first = book->awaited > 0;
    if (is_first || waiting->after >= book->last_number)
        look_soon(book, OD_LOG_BOOK_LOOK_MS);
    else
        answer(book, waiting);
    if (!od_timer_is_set(&book->timer))
        look_soon(book, OD_LOG_BOOK_LOOK_MS);
}

void od_log_book_take(struct od_log_book *book, od_slice body)
{
    check(book);
    struct od_cursor cursor = od_cursor_of(body);
    bool is_remembered = od_cursor_u8(&cursor) != 0;
    add_all(book, od_cursor_rest(&cursor));
    if (!is_remembered || book->awaited == 0)
        return;
    if (--book->awaited > 0)
        return;
    sort_lines(book);
    look_soon(book, 0);
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_log_book_init(struct od_log_book *book, struct od_loop *loop,
                      struct od_supervisor *supervisor)
{
    *book = (struct od_log_book){
        .loop = loop, .supervisor = supervisor, .timer = {.fire = look_around}};
    od_list_init(&book->lines);
    od_list_init(&book->questions);
}

void od_log_book_deinit(struct od_log_book *book)
{
    od_log_listen(NULL, NULL);
    od_loop_clear_timer(book->loop, &book->timer);
    struct od_list *link;
    while ((link = od_list_pop_front(&book->questions)) != NULL)
        answer(book, OD_LIST_MEMBER(link, struct waiting, link));
    while (!od_list_is_empty(&book->lines))
        forget_first(book);
}
