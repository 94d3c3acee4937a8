// The clients of the server: which worker gets whom.
//
// Process: main; Thread: the loop's.

#include "main/server_inner.h"

#include "main/limits.h"

static bool can_be_started(const struct od_child *child)
{
    return child->failed_starts < OD_STARTS_AWAITED_MAX;
}

// Nobody is ready for [index]. A worker that is being replaced is worth waiting for, one for which
// there is no process is not: all that wait would fill the door, for others too.
static enum od_admission when_nobody_is_ready(const struct od_server *server, uint32_t index)
{
    const struct od_supervisor *supervisor = &server->supervisor;
    OD_ASSERT(index == OD_ROUTER_ANY || index < supervisor->child_count);
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        if ((index == OD_ROUTER_ANY || index == i) && can_be_started(&supervisor->children[i]))
            return OD_ADMISSION_LATER;
    }
    return OD_ADMISSION_NONE;
}

static enum od_admission on_admit(void *owner, const struct od_arrival *arrival, od_slice bytes)
{
    struct od_server *server = owner;
    uint32_t index = od_router_pick(&server->router, arrival->head.target);
    struct od_child *child = index == OD_ROUTER_ANY
                                 ? od_supervisor_ready_any(&server->supervisor)
                                 : od_supervisor_ready(&server->supervisor, index);
    OD_ASSERT(child == NULL || child->has_link);
    OD_ASSERT(child == NULL || index == OD_ROUTER_ANY || child->index == index);
    if (child == NULL)
        return when_nobody_is_ready(server, index);
    od_connection_limit_give(&server->door.connection_limit, arrival->number, child->index);
    uint32_t place = od_leases_add(&server->leases, child, arrival, bytes);
    size_t mark = (place == OD_PAGE_NO_PLACE ? od_link_begin : od_link_begin_lent)(
        &child->link, OD_KIND_CONNECTION, arrival->fd);
    od_arrival_put(arrival, place, bytes, &child->link.out);
    od_link_end(&child->link, mark);
    return OD_ADMISSION_TAKEN;
}

static int on_wrap(void *owner, int fd)
{
    return od_tls_process_wrap(&((struct od_server *)owner)->tls, fd);
}

const struct od_door_events od_server_door_events = {on_admit, on_wrap};
