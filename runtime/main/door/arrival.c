#include "main/door/arrival.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/http_answer.h"
#include "codec/newcomer.h"
#include "codec/proxy_header.h"
#include "link/connection.h"
#include "main/door/door.h"
#include "main/door/limits.h"
#include "main/door/plain.h"

static void check(const struct od_arrival *arrival)
{
    OD_ASSERT(arrival->fd >= 0);
    OD_ASSERT(arrival->state < OD_ARRIVAL_STATE_COUNT);
    OD_ASSERT(arrival->state != OD_ARRIVAL_WAITING || arrival->bytes.size > 0);
    OD_ASSERT(!od_list_is_empty(&arrival->link));
}

static void enter(struct od_arrival *arrival, enum od_arrival_state state, od_time_ms deadline_ms)
{
    OD_ASSERT(state < OD_ARRIVAL_STATE_COUNT);
    struct od_door *door = arrival->door;
    arrival->state = state;
    od_list_remove(&arrival->link);
    od_list_push_back(&door->arrivals[state], &arrival->link);
    od_loop_set_timer(door->loop, &arrival->deadline, deadline_ms);
}

// --- The end -------------------------------------------------------------------------------------

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void od_arrival_end(struct od_arrival *arrival)
{
    struct od_door *door = arrival->door;
    od_list_remove(&arrival->link);
    od_loop_clear_timer(door->loop, &arrival->deadline);
    od_bytes_deinit(&arrival->bytes);
    od_bytes_deinit(&arrival->tls);
    if (arrival->has_poll)
        uv_close((uv_handle_t *)&arrival->poll, on_poll_closed);
    if (arrival->fd >= 0) {
        close(arrival->fd);
        od_connection_limit_leave(&door->connection_limit, arrival->number);
    }
    if (!arrival->has_poll)
        free(arrival);
    od_door_arrival_ended(door);
}

// --- Reading -------------------------------------------------------------------------------------

static void on_poll(uv_poll_t *poll, int status, int events);

// Where the system cannot watch one more (it has no memory, or this user watches too many), the
// connection is cut.
static void watch(struct od_arrival *arrival)
{
    check(arrival);
    if (!arrival->has_poll) {
        if (uv_poll_init(&arrival->door->loop->uv, &arrival->poll, arrival->fd) != 0) {
            od_arrival_end(arrival);
            return;
        }
        arrival->poll.data = arrival;
        arrival->has_poll = true;
    }
    int status = uv_poll_start(&arrival->poll, UV_READABLE, on_poll);
    OD_ASSERT(status == 0);
}

static bool send_all(int fd, const struct od_bytes *answer)
{
    ssize_t sent = send(fd, answer->at, answer->size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == (ssize_t)answer->size;
}

static bool say(int fd, struct od_http_fault fault, bool keeps_alive)
{
    struct od_http_manner manner = {.keeps_alive = keeps_alive, .version_minor = 1};
    struct od_bytes answer = {0};
    od_http_answer_put_fault(&answer, fault, manner, od_clock_wall_ms());
    bool is_said = send_all(fd, &answer);
    od_bytes_deinit(&answer);
    return is_said;
}

static void linger(struct od_arrival *arrival)
{
    check(arrival);
    if (shutdown(arrival->fd, SHUT_WR) != 0) {
        od_arrival_end(arrival);
        return;
    }
    enter(arrival, OD_ARRIVAL_LINGERING, OD_LINGER_MS_MAX);
    watch(arrival);
}

// What the client did wrong, or we; then both sides close.
static void refuse(struct od_arrival *arrival, struct od_http_fault fault)
{
    od_log(OD_LOG_DEBUG, NULL, "%s is answered %u: %s", arrival->peer, fault.status, fault.text);
    if (say(arrival->fd, fault, false))
        linger(arrival);
    else
        od_arrival_end(arrival);
}

// Somebody who has said nothing has asked nothing: a browser connects ahead of need.
static void on_deadline(struct od_timer *timer)
{
    static const struct od_http_fault late = {408, "the request was not sent in time"};
    static const struct od_http_fault full = {503, "the server is busy, try again"};
    struct od_arrival *arrival = OD_TIMER_MEMBER(timer, struct od_arrival, deadline);
    if (arrival->state == OD_ARRIVAL_LINGERING || arrival->bytes.size == 0)
        od_arrival_end(arrival);
    else
        refuse(arrival, arrival->state == OD_ARRIVAL_READING ? late : full);
}

static void keep_bytes(struct od_arrival *arrival, od_slice all)
{
    if (arrival->bytes.size == 0)
        od_bytes_put_slice(&arrival->bytes, all);
}

// While it waits the client may end: that shows when it is served.
static void await_worker(struct od_arrival *arrival, od_slice all)
{
    OD_ASSERT(all.size > 0);
    keep_bytes(arrival, all);
    if (arrival->state != OD_ARRIVAL_READING)
        return;
    if (arrival->has_poll)
        uv_poll_stop(&arrival->poll);
    enter(arrival, OD_ARRIVAL_WAITING, OD_ARRIVAL_WAIT_MS_MAX);
}

// Whether main has answered it itself; then both sides close.
static bool answer_here(struct od_arrival *arrival)
{
    struct od_bytes answer = {0};
    struct od_plain_question question = {.options = arrival->door->options,
                                         .tls_port = arrival->door->listeners.tls_port,
                                         .is_tls = arrival->is_tls,
                                         .peer = od_slice_of(arrival->peer),
                                         .head = &arrival->head};
    bool is_answered = od_plain_answer(&question, &answer);
    if (is_answered && send_all(arrival->fd, &answer))
        linger(arrival);
    else if (is_answered)
        od_arrival_end(arrival);
    od_bytes_deinit(&answer);
    return is_answered;
}

static void admit(struct od_arrival *arrival, od_slice all)
{
    check(arrival);
    static const struct od_http_fault none = {
        503, "the worker of this object cannot be started at the moment, try again"};
    static const struct od_http_fault leaving = {503, "the server stops, try again"};
    struct od_door *door = arrival->door;
    if (door->is_leaving) {
        refuse(arrival, leaving);
        return;
    }
    if (answer_here(arrival))
        return;
    switch (door->events->admit(door->owner, arrival, all)) {
    case OD_ADMISSION_TAKEN:
        arrival->fd = -1; // It has not left yet: the loop must not know it when it is closed.
        od_arrival_end(arrival);
        break;
    case OD_ADMISSION_LATER:
        await_worker(arrival, all);
        break;
    case OD_ADMISSION_NONE:
        refuse(arrival, none);
        break;
    }
}

void od_arrival_put(const struct od_arrival *arrival, uint32_t place, od_slice bytes,
                    struct od_bytes *out)
{
    od_newcomer_put(&(struct od_newcomer){.place = place,
                                          .tls = od_bytes_slice(&arrival->tls),
                                          .peer = od_slice_of(arrival->peer),
                                          .lines = od_http_head_lines(&arrival->head),
                                          .bytes = bytes},
                    out);
}

void od_arrival_note_tls(struct od_bytes *tls, od_slice version, od_slice server_name)
{
    od_bytes_clear(tls);
    od_bytes_put_slice(tls, version);
    od_bytes_put_u8(tls, ' ');
    od_bytes_put_slice(tls, server_name);
}

// Passes over what a trusted proxy says of its client, if it does, in [all].
static enum od_http_outcome introduce(struct od_arrival *arrival, od_slice *all)
{
    struct od_proxy_header header = {0};
    enum od_http_outcome outcome = od_proxy_header_parse(&header, *all);
    if (outcome == OD_HTTP_BAD)
        arrival->head.fault = header.fault;
    if (outcome != OD_HTTP_DONE)
        return outcome;
    arrival->may_introduce = false;
    if (header.has_address)
        od_networks_print(&header.address, arrival->peer);
    if (header.tls_version.size > 0)
        od_arrival_note_tls(&arrival->tls, header.tls_version, header.server_name);
    arrival->is_tls = arrival->tls.size > 0;
    if (arrival->bytes.size > 0)
        od_bytes_drop_front(&arrival->bytes, header.bytes);
    *all = od_slice_from(*all, header.bytes);
    if (arrival->bytes.size > 0)
        *all = od_bytes_slice(&arrival->bytes);
    return OD_HTTP_DONE;
}

// From bytes to a worker. [all] has come so far; nobody has it unless it is kept.
static void go_on(struct od_arrival *arrival, od_slice all)
{
    enum od_http_outcome outcome = arrival->may_introduce ? introduce(arrival, &all) : OD_HTTP_DONE;
    if (outcome == OD_HTTP_DONE)
        outcome = od_http_head_parse(&arrival->head, all.at, all.size);
    switch (outcome) {
    case OD_HTTP_MORE:
        keep_bytes(arrival, all);
        watch(arrival);
        break;
    case OD_HTTP_BAD:
        refuse(arrival, arrival->head.fault);
        break;
    case OD_HTTP_DONE:
        admit(arrival, all);
        break;
    }
}

// The client sends no more. Who has begun a request may still read what was wrong with it; who is
// gone is no news for the log.
static void end_of_input(struct od_arrival *arrival)
{
    static const struct od_http_fault half = {400, "the request ends in the middle"};
    od_slice said = od_slice_trim(od_bytes_slice(&arrival->bytes), "\r\n");
    if (said.size > 0 && say(arrival->fd, half, false))
        linger(arrival);
    else
        od_arrival_end(arrival);
}

static void read_head(struct od_arrival *arrival)
{
    OD_ASSERT(arrival->state == OD_ARRIVAL_READING);
    struct od_door *door = arrival->door;
    ssize_t count = recv(arrival->fd, door->scratch, sizeof door->scratch, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        watch(arrival);
        return;
    }
    if (count == 0) {
        end_of_input(arrival);
        return;
    }
    if (count < 0) {
        od_arrival_end(arrival);
        return;
    }
    od_slice all = {door->scratch, (size_t)count};
    if (arrival->bytes.size > 0) {
        od_bytes_put_slice(&arrival->bytes, all);
        all = od_bytes_slice(&arrival->bytes);
    }
    go_on(arrival, all);
}

static void drain(struct od_arrival *arrival)
{
    OD_ASSERT(arrival->state == OD_ARRIVAL_LINGERING);
    struct od_door *door = arrival->door;
    ssize_t count = recv(arrival->fd, door->scratch, sizeof door->scratch, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    arrival->drained_bytes += count > 0 ? (size_t)count : 0;
    if (count <= 0 || arrival->drained_bytes > OD_LINGER_BYTES_MAX)
        od_arrival_end(arrival);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct od_arrival *arrival = poll->data;
    if (status < 0)
        od_arrival_end(arrival);
    else if (arrival->state == OD_ARRIVAL_READING)
        read_head(arrival);
    else
        drain(arrival);
}

// The slices of the head are into bytes that have moved since, so it is read once more.
void od_arrival_retry(struct od_arrival *arrival)
{
    OD_ASSERT(arrival->state == OD_ARRIVAL_WAITING);
    check(arrival);
    od_slice all = od_bytes_slice(&arrival->bytes);
    od_http_head_init(&arrival->head);
    enum od_http_outcome outcome = od_http_head_parse(&arrival->head, all.at, all.size);
    OD_ASSERT(outcome == OD_HTTP_DONE);
    admit(arrival, all);
}

static struct od_arrival *make(struct od_door *door, int fd)
{
    OD_ASSERT(fd >= 0);
    struct od_arrival *arrival = od_allocate_zeroed(sizeof *arrival);
    arrival->door = door;
    arrival->fd = fd;
    arrival->number = door->connection_limit.limit == 0 ? 0 : od_connection_number(fd);
    arrival->accepted_ms = od_clock_monotonic_ms();
    arrival->deadline.fire = on_deadline;
    od_http_head_init(&arrival->head);
    od_list_init(&arrival->link);
    return arrival;
}

void od_arrival_start(struct od_door *door, int fd, const struct in6_addr *peer, bool is_tls)
{
    struct od_arrival *arrival = make(door, fd);
    od_networks_print(peer, arrival->peer);
    arrival->is_tls = is_tls;
    arrival->may_introduce = is_tls || od_networks_have(&door->options->trusted_proxies, peer);
    enter(arrival, OD_ARRIVAL_READING, OD_ARRIVAL_MS_MAX);
    read_head(arrival);
}

// --- Coming back ---------------------------------------------------------------------------------

static const struct od_http_fault lost = {503, "the worker of this request has ended, try again"};

bool od_arrival_say_failed(int fd, bool keeps_alive)
{
    return say(fd, lost, keeps_alive);
}

static void await_next(struct od_arrival *arrival)
{
    enter(arrival, OD_ARRIVAL_READING, OD_RETURN_IDLE_MS_MAX);
    watch(arrival);
}

// Its worker is not back yet, but that of its object may be another: the door asks in its turn.
static void read_on(struct od_arrival *arrival)
{
    if (arrival->may_introduce) {
        go_on(arrival, od_bytes_slice(&arrival->bytes));
        return;
    }
    switch (od_http_head_parse(&arrival->head, arrival->bytes.at, arrival->bytes.size)) {
    case OD_HTTP_MORE:
        enter(arrival, OD_ARRIVAL_READING, OD_ARRIVAL_MS_MAX);
        watch(arrival);
        break;
    case OD_HTTP_BAD:
        refuse(arrival, arrival->head.fault);
        break;
    case OD_HTTP_DONE:
        enter(arrival, OD_ARRIVAL_WAITING, OD_ARRIVAL_WAIT_MS_MAX);
        break;
    }
}

static void fail(struct od_arrival *arrival)
{
    if (!say(arrival->fd, lost, true))
        od_arrival_end(arrival);
    else if (arrival->bytes.size > 0)
        read_on(arrival);
    else
        await_next(arrival);
}

static void go_on_as(struct od_arrival *arrival, enum od_return how)
{
    switch (how) {
    case OD_RETURN_UNTOUCHED:
        read_on(arrival);
        break;
    case OD_RETURN_AT_REST:
        await_next(arrival);
        break;
    case OD_RETURN_FAILED:
        fail(arrival);
        break;
    case OD_RETURN_UNANSWERED:
        refuse(arrival, lost);
        break;
    default:
        linger(arrival);
    }
}

void od_arrival_return(struct od_door *door, struct od_returned *returned)
{
    OD_ASSERT(returned->how != OD_RETURN_LEFT);
    OD_ASSERT(returned->how != OD_RETURN_CUT);
    struct od_arrival *arrival = make(door, returned->fd);
    arrival->bytes = returned->bytes;
    arrival->times_returned = returned->times;
    arrival->may_introduce = returned->may_introduce;
    arrival->tls = returned->tls;
    arrival->is_tls = arrival->tls.size > 0;
    od_connection_limit_keep(&door->connection_limit, arrival->number, 0); // Main has it again.
    memcpy(arrival->peer, returned->peer, sizeof arrival->peer);
    enter(arrival, OD_ARRIVAL_READING, OD_RETURN_IDLE_MS_MAX);
    go_on_as(arrival, returned->how);
}
