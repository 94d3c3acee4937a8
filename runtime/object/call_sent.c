#include "object/call_sent.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "link/link.h"
#include "object/call_inner.h"

static void fail(struct od_call *call, const char *why)
{
    od_call_fail_flagged(call, OD_FAILURE_RETRYABLE, od_slice_of(why));
}

static void on_deadline(struct od_timer *timer)
{
    fail(OD_TIMER_MEMBER(timer, struct od_call_sent, deadline)->call,
         "the worker of this object is not there at the moment");
}

static void on_again(struct od_timer *timer);

static void keep(struct od_call_sent *sent, od_slice message)
{
    OD_ASSERT(sent->message.size == 0);
    struct od_objects *objects = sent->call->objects;
    if (sent->call->kind == OD_CALL_LIST || // Which means that worker and no later one.
        objects->kept_call_bytes + message.size > OD_CALLS_KEPT_BYTES_MAX)
        return;
    od_bytes_put_slice(&sent->message, message);
    objects->kept_call_bytes += message.size;
}

static void put(struct od_call_sent *sent, od_slice message)
{
    struct od_objects *objects = sent->call->objects;
    uint32_t worker = sent->call->worker;
    OD_ASSERT(sent->times < OD_CALL_TRIES_MAX);
    OD_ASSERT(objects->peers[worker] != NULL);
    sent->is_waiting = false;
    sent->times++;
    od_timers_clear(objects->timers, &sent->deadline);
    if (od_list_is_empty(&sent->leaving))
        od_list_push_back(&objects->leaving_calls[worker], &sent->leaving);
    od_link_send(objects->peers[worker], OD_KIND_CALL, message, -1);
}

void od_calls_sent_leave(struct od_objects *objects, uint32_t worker)
{
    OD_ASSERT(od_places_are_workers(objects, worker));
    OD_LIST_EACH_SAFE (link, &objects->leaving_calls[worker]) {
        od_list_remove(link);
        od_call_begun(OD_LIST_MEMBER(link, struct od_call_sent, leaving)->call);
    }
}

static void await_no_longer(struct od_call_sent *sent)
{
    struct od_objects *objects = sent->call->objects;
    od_time_ms until_ms = od_clock_monotonic_ms() +
                          (objects->is_draining ? OD_CALL_STOPS_MS_MAX : OD_CALL_AWAITS_MS_MAX);
    if (sent->until_ms == 0 || until_ms < sent->until_ms)
        sent->until_ms = until_ms;
    od_timers_set(objects->timers, &sent->deadline, sent->until_ms);
}

static void await_worker(struct od_call_sent *sent)
{
    OD_ASSERT(!sent->is_waiting);
    struct od_objects *objects = sent->call->objects;
    bool is_vain = objects->is_draining && !objects->places.is_cluster;
    if (sent->message.size == 0 || sent->times >= OD_CALL_TRIES_MAX || is_vain) {
        fail(sent->call, "the worker of this object has ended");
        return;
    }
    sent->is_waiting = true;
    od_list_remove(&sent->leaving);
    await_no_longer(sent);
}

void od_call_sent_begin(struct od_call *call, od_slice message)
{
    struct od_objects *objects = call->objects;
    struct od_call_sent *sent = od_allocate_zeroed(sizeof *sent);
    OD_ASSERT(call->sent == NULL);
    call->sent = sent;
    sent->call = call;
    sent->deadline.fire = on_deadline;
    sent->again.fire = on_again;
    od_list_init(&sent->link);
    od_list_init(&sent->leaving);
    od_list_push_back(&objects->sent_calls[call->worker], &sent->link);
    keep(sent, message);
    if (objects->peers[call->worker] != NULL) {
        put(sent, message);
        return;
    }
    bool may_wait = sent->message.size > 0;
    await_worker(sent);
    if (may_wait && call->worker == od_places_nowhere(objects))
        od_timers_set(objects->timers, &sent->again, od_clock_monotonic_ms() + OD_CALL_AGAIN_MS);
}

void od_call_sent_free(struct od_call *call)
{
    struct od_call_sent *sent = call->sent;
    if (sent == NULL)
        return;
    OD_ASSERT(sent->call == call);
    OD_ASSERT(call->objects->kept_call_bytes >= sent->message.size);
    call->objects->kept_call_bytes -= sent->message.size;
    od_timers_clear(call->objects->timers, &sent->deadline);
    od_timers_clear(call->objects->timers, &sent->again);
    od_list_remove(&sent->link);
    od_list_remove(&sent->leaving);
    od_bytes_deinit(&sent->message);
    free(sent);
    call->sent = NULL;
}

// --- The end of a worker -------------------------------------------------------------------------

struct begun {
    uint64_t *numbers; // In order.
    size_t count;
    bool all;
};

static int compare(const void *a, const void *b)
{
    const uint64_t *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static struct begun read_begun(bool all, od_slice bytes)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    struct begun begun = {.count = bytes.size / sizeof(uint64_t), .all = all};
    begun.numbers = od_allocate((begun.count + 1) * sizeof *begun.numbers);
    for (size_t i = 0; i < begun.count; i++)
        begun.numbers[i] = od_cursor_u64(&cursor);
    qsort(begun.numbers, begun.count, sizeof *begun.numbers, compare);
    return begun;
}

static bool was_begun(const struct begun *begun, uint64_t number)
{
    return begun->all || bsearch(&number, begun->numbers, begun->count, sizeof number, compare);
}

void od_calls_sent_ended(struct od_objects *objects, uint32_t worker, bool all, od_slice bytes)
{
    struct begun begun = read_begun(all, bytes);
    OD_LIST_EACH_SAFE (link, &objects->sent_calls[worker]) {
        struct od_call_sent *sent = OD_LIST_MEMBER(link, struct od_call_sent, link);
        if (sent->is_waiting)
            continue;
        sent->until_ms = 0;
        if (was_begun(&begun, sent->call->id))
            fail(sent->call, "the worker of this object has ended");
        else
            await_worker(sent);
    }
    free(begun.numbers);
}

void od_calls_sent_give_up(struct od_objects *objects)
{
    for (uint32_t i = 0; i < od_places_count(objects); i++) {
        OD_LIST_EACH_SAFE (link, &objects->sent_calls[i]) {
            struct od_call_sent *sent = OD_LIST_MEMBER(link, struct od_call_sent, link);
            if (sent->is_waiting && objects->places.is_cluster)
                await_no_longer(sent); // Its object is on its way to another node.
            else if (sent->is_waiting)
                fail(sent->call, "the server stops");
        }
    }
}

// --- Other nodes ---------------------------------------------------------------------------------

static od_slice message_of(const struct od_call_sent *sent)
{
    return od_slice_from(od_bytes_slice(&sent->message), sizeof sent->call->id);
}

// It is here now: no call to another worker any more.
static void come_home(struct od_call *call)
{
    struct od_call_message message;
    struct od_bytes bytes = call->sent->message;
    OD_ASSERT(call->objects->kept_call_bytes >= bytes.size);
    call->objects->kept_call_bytes -= bytes.size;
    od_bytes_init(&call->sent->message);
    od_call_sent_free(call);
    call->is_remote = false;
    bool is_whole =
        od_call_read_message(od_slice_from(od_bytes_slice(&bytes), sizeof call->id), &message);
    OD_ASSERT(is_whole);
    od_call_deliver(call, &message);
    od_bytes_deinit(&bytes);
}

// False: it is where it was sent.
static bool move(struct od_call_sent *sent)
{
    struct od_call_message message;
    struct od_call *call = sent->call;
    struct od_objects *objects = call->objects;
    OD_ASSERT(sent->is_waiting);
    bool is_whole = od_call_read_message(message_of(sent), &message);
    OD_ASSERT(is_whole);
    uint32_t place = od_places_to_ask(objects, &message.id);
    if (place == call->worker)
        return false;
    if (place == objects->worker) {
        come_home(call);
        return true;
    }
    call->worker = place;
    od_list_remove(&sent->link);
    od_list_push_back(&objects->sent_calls[place], &sent->link);
    if (objects->peers[place] != NULL)
        put(sent, od_bytes_slice(&sent->message));
    return true;
}

// Who has it may not have all of it yet, and says so: nobody tells when that is over.
static void move_soon(struct od_call_sent *sent)
{
    struct od_timers *timers = sent->call->objects->timers;
    if (!move(sent))
        od_timers_set(timers, &sent->again, od_clock_monotonic_ms() + OD_CALL_AGAIN_MS);
}

static void on_again(struct od_timer *timer)
{
    struct od_call_sent *sent = OD_TIMER_MEMBER(timer, struct od_call_sent, again);
    const struct od_call *call = sent->call;
    if (sent->is_waiting && call->objects->peers[call->worker] != NULL)
        put(sent, od_bytes_slice(&sent->message));
    else if (sent->is_waiting)
        move_soon(sent);
}

void od_call_sent_elsewhere(struct od_call *call)
{
    struct od_call_sent *sent = call->sent;
    OD_ASSERT(sent != NULL);
    if (sent->is_waiting)
        return;
    OD_ASSERT(sent->times > 0);
    sent->times--; // Nothing of it has begun.
    bool may_wait = sent->message.size > 0;
    await_worker(sent);
    if (may_wait)
        move_soon(sent);
}

void od_calls_sent_moved(struct od_objects *objects)
{
    for (uint32_t i = 0; i < od_places_count(objects); i++) {
        OD_LIST_EACH_SAFE (link, &objects->sent_calls[i]) {
            struct od_call_sent *sent = OD_LIST_MEMBER(link, struct od_call_sent, link);
            if (sent->is_waiting)
                (void)move(sent);
        }
    }
}

void od_calls_sent_anew(struct od_objects *objects, uint32_t worker)
{
    OD_LIST_EACH_SAFE (link, &objects->sent_calls[worker]) {
        struct od_call_sent *sent = OD_LIST_MEMBER(link, struct od_call_sent, link);
        if (sent->is_waiting)
            put(sent, od_bytes_slice(&sent->message));
    }
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_calls_sent_init(struct od_objects *objects)
{
    uint32_t count = od_places_count(objects);
    objects->sent_calls = od_allocate(count * sizeof *objects->sent_calls);
    objects->leaving_calls = od_allocate(count * sizeof *objects->leaving_calls);
    for (uint32_t i = 0; i < count; i++) {
        od_list_init(&objects->sent_calls[i]);
        od_list_init(&objects->leaving_calls[i]);
    }
}

void od_calls_sent_deinit(struct od_objects *objects)
{
    free(objects->sent_calls);
    free(objects->leaving_calls);
}
