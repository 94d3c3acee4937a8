// How a wire is, for those who look at the page: the part of wire.h about other processes.

#include "link/sent.h"
#include "link/worker_page.h"
#include "net/wire.h"

static bool is_leased(const struct od_wire *wire)
{
    return wire->is_shown && wire->place >= OD_PAGE_SOCKETS_MAX;
}

// How much was sent before, which of an HTTP connection main has put there; then the wire counts.
static bool begin_sent(struct od_wire *wire)
{
    if (!is_leased(wire))
        return od_sent_bytes(wire->fd, &wire->sent);
    wire->sent = wire->net->page->sent[wire->place];
    return wire->sent != OD_PAGE_NEVER_SENT;
}

void od_wire_show_at(struct od_wire *wire, uint32_t place)
{
    OD_ASSERT(place < OD_PAGE_PLACES_MAX);
    OD_ASSERT(wire->net->page != NULL);
    OD_ASSERT(!wire->owes_lease);
    wire->is_shown = true;
    wire->place = place;
    if (!wire->knows_sent)
        wire->knows_sent = begin_sent(wire);
    if (!wire->knows_sent)
        wire->sent = 0;
}

void od_wire_hide(struct od_wire *wire)
{
    OD_ASSERT(!wire->owes_lease);
    wire->is_shown = false;
}

// A wire is let go of. The place of an HTTP connection stays with it, for its last answer may still
// be on its way; that of a socket belongs to somebody else.
void od_wire_leave_place(struct od_wire *wire)
{
    if (!is_leased(wire))
        wire->is_shown = false;
}

// The page first: when main hears of it, it looks there whether the worker has let go itself.
static void leave_lease(struct od_wire *wire)
{
    if (!is_leased(wire))
        return;
    OD_ASSERT(wire->place < OD_PAGE_PLACES_MAX);
    od_wire_mark(wire, OD_PAGE_LEFT, 0);
    wire->is_shown = false;
    wire->owes_lease = true;
}

void od_wire_end_lease(struct od_wire *wire)
{
    leave_lease(wire);
    uint32_t place = od_wire_take_lease(wire);
    if (place != OD_PAGE_NO_PLACE)
        wire->net->events->left(wire->net->owner, place);
}

uint32_t od_wire_take_lease(struct od_wire *wire)
{
    bool owes_lease = wire->owes_lease;
    wire->owes_lease = false;
    return owes_lease ? wire->place : OD_PAGE_NO_PLACE;
}

void od_wire_part(struct od_wire *wire)
{
    od_wire_check(wire);
    wire->owner = NULL;
    leave_lease(wire);
    wire->is_shown = false;
}

static void mark(struct od_worker_page *page, uint32_t place, uint8_t set, uint8_t clear)
{
    uint8_t *flags = &page->flags[place]; // Nobody else writes it.
    __atomic_store_n(flags, (uint8_t)((*flags | set) & ~clear), __ATOMIC_RELEASE);
}

void od_wire_mark(const struct od_wire *wire, uint8_t set, uint8_t clear)
{
    if (wire->is_shown)
        mark(wire->net->page, wire->place, set, clear);
}

void od_wire_show(const struct od_wire *wire)
{
    size_t waiting_bytes = od_wire_waiting_bytes(wire);
    if (!wire->is_shown || waiting_bytes == 0)
        return;
    struct od_worker_page *page = wire->net->page;
    bool is_http = wire->place >= OD_PAGE_SOCKETS_MAX;
    uint8_t flags = page->flags[wire->place];
    if (is_http && (flags & OD_PAGE_SENDING) == 0)
        page->before[wire->place - OD_PAGE_SOCKETS_MAX] =
            (flags & OD_PAGE_PIECES) != 0 ? OD_PAGE_NEVER_SENT : wire->sent;
    page->sent[wire->place] = wire->sent + waiting_bytes;
    mark(page, wire->place, OD_PAGE_SENDING, 0);
}

// Where the kernel does not count (TLS), nobody could tell afterwards whether it had begun to
// leave.
void od_wire_show_sending(const struct od_wire *wire)
{
    od_wire_show(wire);
    if (!wire->knows_sent && is_leased(wire))
        wire->net->page->before[wire->place - OD_PAGE_SOCKETS_MAX] = OD_PAGE_NEVER_SENT;
}
