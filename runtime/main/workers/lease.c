#include "main/workers/lease.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/sent.h"
#include "link/unbegun.h"
#include "main/workers/child.h"
#include "main/workers/limits.h"

struct od_lease {
    struct od_list asking;
    int fd;
    uint32_t worker;
    uint32_t place;
    struct od_returned returned; // Its bytes are ours.
};

// --- Places --------------------------------------------------------------------------------------

static void check(const struct od_lease_table *table)
{
    OD_ASSERT(table->count <= table->capacity);
    OD_ASSERT(table->free_count <= table->count);
    OD_ASSERT(table->count <= OD_PAGE_LEASES_MAX);
}

static void grow(struct od_lease_table *table)
{
    table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
    table->all = od_reallocate(table->all, table->capacity * sizeof *table->all);
    table->free = od_reallocate(table->free, table->capacity * sizeof *table->free);
}

// OD_PAGE_NO_PLACE: there are too many.
static uint32_t take_place(struct od_lease_table *table)
{
    check(table);
    if (table->free_count > 0)
        return table->free[--table->free_count];
    if (table->count == OD_PAGE_LEASES_MAX)
        return OD_PAGE_NO_PLACE;
    if (table->count == table->capacity)
        grow(table);
    return table->count++;
}

static struct od_lease *lease_at(const struct od_lease_table *table, uint32_t place)
{
    check(table);
    uint32_t index = place - OD_PAGE_SOCKETS_MAX; // Below it: a large number.
    return index < table->count ? table->all[index] : NULL;
}

// NULL: nobody has that place; or [child] has not got the connection yet, and lies.
static struct od_lease *lease_of(const struct od_leases *leases, const struct od_child *child,
                                 uint32_t place)
{
    struct od_lease *lease = lease_at(&leases->tables[child->index], place);
    return lease != NULL && od_link_lends(&child->link, lease->fd) ? NULL : lease;
}

static uint8_t flags_of(const struct od_leases *leases, const struct od_lease *lease)
{
    const struct od_worker_page *page = leases->tables[lease->worker].page;
    OD_ASSERT(page != NULL);
    return __atomic_load_n(&page->flags[lease->place], __ATOMIC_ACQUIRE);
}

// --- What main has read --------------------------------------------------------------------------

static void forget_bytes(struct od_leases *leases, struct od_lease *lease)
{
    OD_ASSERT(leases->bytes >= lease->returned.bytes.size);
    leases->bytes -= lease->returned.bytes.size;
    od_bytes_deinit(&lease->returned.bytes);
    od_list_remove(&lease->asking);
}

static void on_forget(struct od_timer *timer)
{
    struct od_leases *leases = OD_TIMER_MEMBER(timer, struct od_leases, forget_timer);
    OD_LIST_EACH_SAFE (link, &leases->asking) {
        struct od_lease *lease = OD_LIST_MEMBER(link, struct od_lease, asking);
        if ((flags_of(leases, lease) & (OD_PAGE_BEGUN | OD_PAGE_ANSWERED)) != 0)
            forget_bytes(leases, lease);
    }
    if (!od_list_is_empty(&leases->asking))
        od_loop_set_timer(leases->door->loop, timer, OD_LEASE_FORGET_MS);
}

static void keep_bytes(struct od_leases *leases, struct od_lease *lease, od_slice bytes)
{
    OD_ASSERT(lease->returned.bytes.size == 0);
    if (bytes.size == 0 || leases->bytes + bytes.size > OD_LEASE_BYTES_MAX)
        return;
    od_bytes_put_slice(&lease->returned.bytes, bytes);
    leases->bytes += bytes.size;
    od_list_push_back(&leases->asking, &lease->asking);
    if (!od_timer_is_set(&leases->forget_timer))
        od_loop_set_timer(leases->door->loop, &leases->forget_timer, OD_LEASE_FORGET_MS);
}

// --- From the door and back ----------------------------------------------------------------------

// Its descriptor is the caller's from here on.
static int end(struct od_leases *leases, struct od_lease *lease)
{
    struct od_lease_table *table = &leases->tables[lease->worker];
    uint32_t index = lease->place - OD_PAGE_SOCKETS_MAX;
    int fd = lease->fd;
    OD_ASSERT(index < table->count);
    OD_ASSERT(table->all[index] == lease);
    OD_ASSERT(table->free_count < table->count);
    table->all[index] = NULL;
    table->free[table->free_count++] = index;
    forget_bytes(leases, lease);
    od_bytes_deinit(&lease->returned.tls);
    free(lease);
    return fd;
}

// Before the worker hears of the place, which the last one has used.
static void clear_page(struct od_worker_page *page, const struct od_lease *lease)
{
    uint64_t sent;
    bool is_counted = od_sent_bytes(lease->fd, &sent);
    page->sent[lease->place] = is_counted ? sent : OD_PAGE_NEVER_SENT;
    __atomic_store_n(&page->flags[lease->place], 0, __ATOMIC_RELEASE);
}

uint32_t od_leases_add(struct od_leases *leases, struct od_child *child,
                       const struct od_arrival *arrival, od_slice bytes)
{
    OD_ASSERT(child->index < leases->table_count);
    OD_ASSERT(child->page != NULL);
    OD_ASSERT(arrival->fd >= 0);
    struct od_lease_table *table = &leases->tables[child->index];
    uint32_t index = take_place(table);
    if (index == OD_PAGE_NO_PLACE)
        return OD_PAGE_NO_PLACE;
    OD_ASSERT(table->page == NULL || table->page == child->page);
    struct od_lease *lease = od_allocate_zeroed(sizeof *lease);
    *lease = (struct od_lease){
        .fd = arrival->fd, .worker = child->index, .place = OD_PAGE_SOCKETS_MAX + index};
    lease->returned.times = arrival->times_returned + 1;
    od_bytes_put_slice(&lease->returned.tls, od_bytes_slice(&arrival->tls));
    memcpy(lease->returned.peer, arrival->peer, sizeof lease->returned.peer);
    od_list_init(&lease->asking);
    table->page = child->page;
    table->all[index] = lease;
    clear_page(child->page, lease);
    keep_bytes(leases, lease, bytes);
    return lease->place;
}

// What has left of what it was sending: nothing, all of it, or who knows.
static enum od_return how_sent(const struct od_worker_page *page, const struct od_lease *lease,
                               enum od_return if_all)
{
    uint64_t sent, before = page->before[lease->place - OD_PAGE_SOCKETS_MAX];
    bool is_counted = od_sent_bytes(lease->fd, &sent);
    // Between the two nobody can tell which part of the answer the client has.
    if (is_counted ? sent == before : before != OD_PAGE_NEVER_SENT)
        return OD_RETURN_UNANSWERED;
    return is_counted && sent == page->sent[lease->place] ? if_all : OD_RETURN_CUT;
}

// Of a request that waits no longer, or never did, what main had read is of no use.
static bool is_first(uint8_t flags)
{
    return (flags & (OD_PAGE_BEGUN | OD_PAGE_ANSWERED)) == 0;
}

static bool may_try(const struct od_lease *lease, uint8_t flags)
{
    bool has_lost_some = is_first(flags) && lease->returned.bytes.size == 0;
    return !has_lost_some && lease->returned.times <= OD_LEASE_TRIES_MAX;
}

static enum od_return state_of(const struct od_leases *leases, const struct od_lease *lease,
                               uint8_t flags)
{
    const struct od_worker_page *page = leases->tables[lease->worker].page;
    if ((flags & OD_PAGE_PIECES) != 0)
        return OD_RETURN_CUT;
    if ((flags & OD_PAGE_CLOSING) != 0)
        return OD_RETURN_OVER;
    if ((flags & OD_PAGE_BUSY) != 0)
        return OD_RETURN_UNANSWERED;
    if ((flags & OD_PAGE_BEGUN) != 0)
        return (flags & OD_PAGE_WHOLE) != 0 ? OD_RETURN_FAILED : OD_RETURN_UNANSWERED;
    if (!is_first(flags) && page->unbegun[lease->place - OD_PAGE_SOCKETS_MAX] == 0)
        return OD_RETURN_AT_REST;
    // A request that ends each worker that gets it is not handed on for ever.
    return may_try(lease, flags) ? OD_RETURN_UNTOUCHED : OD_RETURN_UNANSWERED;
}

static enum od_return decide(const struct od_leases *leases, const struct od_lease *lease)
{
    uint8_t flags = flags_of(leases, lease);
    if ((flags & OD_PAGE_LEFT) != 0)
        return OD_RETURN_LEFT;
    enum od_return how = state_of(leases, lease, flags);
    if ((flags & OD_PAGE_SENDING) == 0)
        return how;
    return how_sent(leases->tables[lease->worker].page, lease, how);
}

// What nobody has begun, for the door.
static void gather_unbegun(struct od_leases *leases, struct od_lease *lease, enum od_return how)
{
    bool goes_on = how == OD_RETURN_UNTOUCHED || how == OD_RETURN_FAILED;
    if (!goes_on || !is_first(flags_of(leases, lease)))
        forget_bytes(leases, lease);
    leases->bytes -= lease->returned.bytes.size;
    od_list_remove(&lease->asking);
    struct od_lease_table *table = &leases->tables[lease->worker];
    if (goes_on)
        od_unbegun_read(table->page, lease->place, &table->blocks_left, &lease->returned.bytes);
}

static void give_back(struct od_leases *leases, struct od_lease *lease, enum od_return how)
{
    gather_unbegun(leases, lease, how);
    struct od_returned returned = lease->returned;
    returned.how = how;
    if (how == OD_RETURN_AT_REST)
        returned.times = 0;
    od_bytes_init(&lease->returned.bytes);
    od_bytes_init(&lease->returned.tls);
    returned.fd = end(leases, lease);
    if (how != OD_RETURN_LEFT) {
        od_door_return(leases->door, &returned);
        return;
    }
    close(returned.fd);
    od_bytes_deinit(&returned.tls);
}

// Without a word on the page it could not be taken: no other worker is asked, or it goes in
// circles.
bool od_leases_left(struct od_leases *leases, const struct od_child *child, uint32_t place)
{
    OD_ASSERT(child->index < leases->table_count);
    struct od_lease *lease = lease_of(leases, child, place);
    if (lease == NULL)
        return false;
    bool has_left = (flags_of(leases, lease) & OD_PAGE_LEFT) != 0;
    give_back(leases, lease, has_left ? OD_RETURN_LEFT : OD_RETURN_UNANSWERED);
    return true;
}

int od_leases_take(struct od_leases *leases, const struct od_child *child, uint32_t place)
{
    OD_ASSERT(child->index < leases->table_count);
    struct od_lease *lease = lease_of(leases, child, place);
    bool has_left = lease != NULL && (flags_of(leases, lease) & OD_PAGE_LEFT) != 0;
    return has_left ? end(leases, lease) : -1;
}

void od_leases_end(struct od_leases *leases, const struct od_child *child)
{
    OD_ASSERT(child->index < leases->table_count);
    struct od_lease_table *table = &leases->tables[child->index];
    table->blocks_left = OD_PAGE_BLOCKS_MAX;
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->all[i] != NULL)
            give_back(leases, table->all[i], decide(leases, table->all[i]));
    }
    table->page = NULL;
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_leases_init(struct od_leases *leases, struct od_door *door, uint32_t worker_count)
{
    *leases = (struct od_leases){.door = door, .table_count = worker_count};
    leases->tables = od_allocate_zeroed(worker_count * sizeof *leases->tables);
    leases->forget_timer.fire = on_forget;
    od_list_init(&leases->asking);
}

void od_leases_deinit(struct od_leases *leases)
{
    od_loop_clear_timer(leases->door->loop, &leases->forget_timer);
    for (uint32_t i = 0; i < leases->table_count; i++) {
        struct od_lease_table *table = &leases->tables[i];
        for (uint32_t at = 0; at < table->count; at++) {
            if (table->all[at] != NULL)
                close(end(leases, table->all[at]));
        }
        free(table->all);
        free(table->free);
    }
    free(leases->tables);
}
