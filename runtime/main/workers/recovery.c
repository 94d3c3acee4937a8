#include "main/workers/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/frame.h"
#include "link/connection.h"
#include "link/sent.h"
#include "main/door/limits.h"
#include "main/workers/limits.h"
#include "main/workers/wishes.h"

enum {
    code_restart = 1012, // "Service restart": the client may come back at once.
    code_cut = 1006,
};

struct leaving {
    struct od_list link;
    int fd;
    od_time_ms until_ms;
};

// --- What becomes of them ------------------------------------------------------------------------

struct gathering {
    struct od_recovery *recovery;
    struct od_recovery_place *place;
    const struct od_worker_page *page;
};

static void check(const struct od_recovery_place *place)
{
    OD_ASSERT(place->closed_to <= place->count);
    OD_ASSERT(place->given_to <= place->count);
    OD_ASSERT(place->given <= place->count);
    OD_ASSERT(!place->is_giving || place->child != NULL);
}

static bool has_sent(const struct od_kept_socket *kept, uint64_t bytes)
{
    uint64_t sent;
    return kept->fd >= 0 && od_sent_bytes(kept->fd, &sent) && sent == bytes;
}

static void decide(struct od_kept_socket *kept, const struct od_worker_page *page)
{
    OD_ASSERT(kept->place < OD_PAGE_SOCKETS_MAX);
    bool is_moving = kept->is_moving;
    kept->is_moving = false;
    if (page == NULL)
        return;
    kept->answered_ms = page->answered_ms[kept->place];
    if (is_moving)
        return;
    uint8_t flags = __atomic_load_n(&page->flags[kept->place], __ATOMIC_ACQUIRE);
    kept->masks = (flags & OD_PAGE_MASKS) != 0;
    bool is_half = (flags & OD_PAGE_SENDING) != 0 && !has_sent(kept, page->sent[kept->place]);
    if (kept->code == 0 && (is_half || (flags & OD_PAGE_CLOSING) != 0))
        kept->code = code_cut;
    else if (kept->code == 0 && (flags & OD_PAGE_BUSY) != 0)
        kept->code = (flags & OD_PAGE_EVENTS) != 0 ? code_cut : code_restart;
}

// Both directions: a session of TLS to outside ends with the worker in which it is.
static bool is_hung_up(int fd)
{
    struct pollfd look = {.fd = fd};
    return fd >= 0 && poll(&look, 1, 0) > 0 && (look.revents & POLLHUP) != 0;
}

static bool goes_on(const struct od_kept_socket *kept)
{
    return kept->code == 0 && !kept->is_over;
}

static void hang_up(struct od_recovery *recovery, int fd)
{
    od_connection_limit_leave(recovery->connection_limit, od_connection_number(fd));
    close(fd);
}

// A worker that keeps more sockets than its page has places is in strange hands (../README.md).
static void cut(struct od_recovery *recovery, struct od_kept_socket *kept)
{
    if (kept->fd >= 0) {
        shutdown(kept->fd, SHUT_RDWR);
        hang_up(recovery, kept->fd);
    }
    kept->fd = -1;
    kept->code = code_cut;
    od_keeper_forget(recovery->keeper, kept->worker, kept->socket);
}

static void gather(void *owner, struct od_kept_socket *kept)
{
    struct gathering *gathering = owner;
    struct od_recovery_place *place = gathering->place;
    if (place->count == OD_PAGE_SOCKETS_MAX) {
        cut(gathering->recovery, kept);
        return;
    }
    bool was_lost = !goes_on(kept); // Its object could not be told in the life that is over.
    decide(kept, gathering->page);
    kept->is_over = is_hung_up(kept->fd);
    place->lost += !goes_on(kept) && !was_lost;
    place->given += goes_on(kept);
    place->sockets[place->count++] = kept;
}

static int compare(const void *a, const void *b)
{
    const struct od_kept_socket *const *first = a, *const *second = b;
    return ((*first)->socket > (*second)->socket) - ((*first)->socket < (*second)->socket);
}

static void reset_place(struct od_recovery_place *place, struct od_child *child)
{
    free(place->sockets);
    *place = (struct od_recovery_place){.child = child};
}

// In the order of their numbers, which is the order in which they were accepted.
void od_recovery_begin(struct od_recovery *recovery, struct od_child *child)
{
    OD_ASSERT(child->index < recovery->place_count);
    struct od_recovery_place *place = &recovery->places[child->index];
    struct gathering gathering = {recovery, place, child->page};
    reset_place(place, child);
    place->sockets = od_allocate((recovery->keeper->kept.size + 1) * sizeof(void *));
    od_keeper_each(recovery->keeper, child->index, gather, &gathering);
    qsort(place->sockets, place->count, sizeof(void *), compare);
    // From here on a place is that of the next life, which is told of them in this order.
    for (size_t i = 0; i < place->count; i++)
        place->sockets[i]->place = (uint32_t)i;
    child->given_back = (uint32_t)place->count;
}

// --- Those that cannot go on ---------------------------------------------------------------------

static void read_into_the_void(int fd, bool *has_ended)
{
    static char nothing[16384];
    ssize_t size = recv(fd, nothing, sizeof nothing, MSG_DONTWAIT);
    *has_ended = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
}

static void let_go(struct od_recovery *recovery, struct leaving *leaving)
{
    od_list_remove(&leaving->link);
    hang_up(recovery, leaving->fd);
    free(leaving);
}

static void on_leaving(struct od_timer *timer)
{
    struct od_recovery *recovery = OD_TIMER_MEMBER(timer, struct od_recovery, leaving_timer);
    od_time_ms now_ms = od_clock_monotonic_ms();
    OD_LIST_EACH_SAFE (link, &recovery->leaving) {
        struct leaving *leaving = OD_LIST_MEMBER(link, struct leaving, link);
        bool has_ended;
        read_into_the_void(leaving->fd, &has_ended);
        if (has_ended || leaving->until_ms <= now_ms)
            let_go(recovery, leaving);
    }
    if (!od_list_is_empty(&recovery->leaving))
        od_loop_set_timer(recovery->loop, timer, OD_LEAVING_LOOK_MS);
}

// Takes [fd]; the end of our stream is sent.
static void await_leaving(struct od_recovery *recovery, int fd)
{
    struct leaving *leaving = od_allocate_zeroed(sizeof *leaving);
    leaving->fd = fd;
    leaving->until_ms = od_clock_monotonic_ms() + OD_LINGER_MS_MAX;
    od_list_init(&leaving->link);
    od_list_push_back(&recovery->leaving, &leaving->link);
    if (!od_timer_is_set(&recovery->leaving_timer))
        od_loop_set_timer(recovery->loop, &recovery->leaving_timer, OD_LEAVING_LOOK_MS);
}

static void say_close(struct od_recovery *recovery, const struct od_kept_socket *kept)
{
    struct od_bytes frame = {0};
    od_frame_put_close(&frame, code_restart, OD_SLICE("the worker of this object has ended"));
    if (kept->masks)
        od_frame_mask(&frame, 0, od_masks_next(&recovery->masks));
    if (send(kept->fd, frame.at, frame.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        od_log(OD_LOG_DEBUG, NULL, "a client could not be told of its lost WebSocket");
    od_bytes_deinit(&frame);
}

static void close_lost(struct od_recovery *recovery, struct od_kept_socket *kept)
{
    OD_ASSERT(kept->code != 0);
    if (kept->fd < 0)
        return;
    if (kept->code == code_restart) {
        // At rest on our side: no frame is half out, so a Close of ours is read as one.
        say_close(recovery, kept);
        shutdown(kept->fd, SHUT_WR);
        await_leaving(recovery, kept->fd);
    } else {
        shutdown(kept->fd, SHUT_RDWR);
        hang_up(recovery, kept->fd);
    }
    kept->fd = -1;
}

static bool close_some(struct od_recovery *recovery, struct od_recovery_place *place)
{
    check(place);
    for (int i = 0; i < OD_RECOVER_A_TURN_MAX && place->closed_to < place->count; i++) {
        struct od_kept_socket *kept = place->sockets[place->closed_to++];
        if (kept != NULL && kept->code != 0)
            close_lost(recovery, kept);
    }
    return place->closed_to < place->count;
}

// --- Those that go on ----------------------------------------------------------------------------

static void put_refusal(void *owner, const struct od_quarantined *quarantined, od_time_ms left_ms)
{
    struct od_link *link = owner;
    size_t mark = od_link_begin(link, OD_KIND_REFUSE, -1);
    od_bytes_put(&link->out, quarantined->id, sizeof quarantined->id);
    od_bytes_put_u32(&link->out, (uint32_t)left_ms);
    od_bytes_put_u8(&link->out, od_quarantined_hears_no_close(quarantined));
    od_bytes_put_string(&link->out, od_slice_of(quarantined->why));
    od_link_end(link, mark);
}

static void put_object(void *owner, const struct od_kept_object *kept)
{
    od_link_send(owner, OD_KIND_RESTORE_OBJECT, (od_slice){kept->record, kept->record_bytes}, -1);
}

void od_recovery_give(struct od_recovery *recovery, struct od_child *child,
                      struct od_quarantine *quarantine)
{
    OD_ASSERT(child->index < recovery->place_count);
    struct od_recovery_place *place = &recovery->places[child->index];
    place->child = child;
    place->is_giving = true;
    place->recalled = (struct od_alarm_place){.due_ms = OD_ALARM_NONE_MS};
    od_quarantine_each(quarantine, child->index, put_refusal, &child->link);
    od_keeper_each_object(recovery->keeper, child->index, put_object, &child->link);
}

// Out of descriptors: it cannot be given, and without a worker it is of no use.
static int duplicate(struct od_recovery *recovery, struct od_recovery_place *place,
                     struct od_kept_socket *kept)
{
    if (kept->fd < 0)
        return -1;
    int fd = fcntl(kept->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0)
        return fd;
    od_log(OD_LOG_WARN, NULL,
           "a WebSocket is lost: no descriptor is free; raise the limit of open "
           "files (ulimit -n)");
    shutdown(kept->fd, SHUT_RDWR);
    od_connection_limit_leave(recovery->connection_limit, od_connection_number(kept->fd));
    if (goes_on(kept)) {
        OD_ASSERT(place->given > 0);
        place->given--;
        place->lost++;
    }
    kept->code = code_cut;
    return -1;
}

static void give(struct od_recovery *recovery, struct od_recovery_place *place,
                 struct od_kept_socket *kept)
{
    OD_ASSERT(place->child->has_link);
    struct od_link *link = &place->child->link;
    int fd = duplicate(recovery, place, kept);
    size_t mark = od_link_begin(link, OD_KIND_RESTORE_SOCKET, fd);
    od_bytes_put_u64(&link->out, kept->socket);
    od_bytes_put_u32(&link->out, kept->place);
    od_bytes_put_u64(&link->out, (uint64_t)kept->answered_ms);
    od_bytes_put_u16(&link->out, kept->code);
    od_bytes_put_string(&link->out, (od_slice){kept->facts, kept->facts_bytes});
    od_bytes_put(&link->out, kept->record, kept->record_bytes);
    od_link_end(link, mark);
}

static bool can_give(const struct od_recovery_place *place)
{
    const struct od_child *child = place->child;
    return place->is_giving && child->state == OD_CHILD_RESTORING && !child->link.is_gone &&
           od_link_waiting_bytes(&child->link) < OD_RECOVER_BYTES_MAX;
}

// And the moment that the life before was told: its bookmarks are not to be later than the next.
static void tell_restored(struct od_child *child)
{
    size_t mark = od_link_begin(&child->link, OD_KIND_RESTORED, -1);
    od_bytes_put_u64(&child->link.out, child->moment.sequence);
    od_bytes_put_u64(&child->link.out, (uint64_t)child->moment.time_ms);
    od_link_end(&child->link, mark);
}

static bool give_some(struct od_recovery *recovery, struct od_recovery_place *place)
{
    check(place);
    for (int i = 0; i < OD_RECOVER_A_TURN_MAX && place->given_to < place->count; i++) {
        struct od_kept_socket *kept = place->sockets[place->given_to++];
        if (kept != NULL)
            give(recovery, place, kept);
    }
    bool has_more =
        place->given_to < place->count ||
        od_wishes_recall(*recovery->reader, place->child, recovery->place_count, &place->recalled);
    place->is_giving = has_more;
    // Behind the last socket: only now may events wake objects, which must find all of theirs.
    if (!place->is_giving)
        tell_restored(place->child);
    od_link_flush(&place->child->link);
    return can_give(place);
}

void od_recovery_forget(struct od_recovery *recovery, const struct od_kept_socket *kept)
{
    OD_ASSERT(kept->worker < recovery->place_count);
    struct od_recovery_place *place = &recovery->places[kept->worker];
    if (kept->place < place->count && place->sockets[kept->place] == kept)
        place->sockets[kept->place] = NULL;
}

bool od_recovery_step(struct od_recovery *recovery)
{
    bool has_more = false;
    for (uint32_t i = 0; i < recovery->place_count; i++) {
        struct od_recovery_place *place = &recovery->places[i];
        if (close_some(recovery, place) || (can_give(place) && give_some(recovery, place)))
            has_more = true;
    }
    return has_more;
}

void od_recovery_count(const struct od_recovery *recovery, const struct od_child *child,
                       size_t *given, size_t *closed)
{
    OD_ASSERT(child->index < recovery->place_count);
    const struct od_recovery_place *place = &recovery->places[child->index];
    *given = place->given;
    *closed = place->lost;
}

size_t od_recovery_given(const struct od_recovery *recovery)
{
    size_t given = 0;
    for (uint32_t i = 0; i < recovery->place_count; i++)
        given += recovery->places[i].given;
    return given;
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_recovery_init(struct od_recovery *recovery, struct od_loop *loop, struct od_keeper *keeper,
                      struct od_reader **reader, struct od_connection_limit *connection_limit,
                      uint32_t worker_count)
{
    *recovery = (struct od_recovery){.loop = loop,
                                     .keeper = keeper,
                                     .reader = reader,
                                     .connection_limit = connection_limit,
                                     .place_count = worker_count};
    recovery->places = od_allocate_zeroed(worker_count * sizeof *recovery->places);
    recovery->leaving_timer.fire = on_leaving;
    od_list_init(&recovery->leaving);
}

void od_recovery_deinit(struct od_recovery *recovery)
{
    od_loop_clear_timer(recovery->loop, &recovery->leaving_timer);
    OD_LIST_EACH_SAFE (link, &recovery->leaving)
        let_go(recovery, OD_LIST_MEMBER(link, struct leaving, link));
    for (uint32_t i = 0; i < recovery->place_count; i++)
        free(recovery->places[i].sockets);
    free(recovery->places);
}
