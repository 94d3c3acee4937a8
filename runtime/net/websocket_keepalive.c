#include "net/websocket_state.h"

static struct od_websocket *websocket_of(struct od_keepalive *keepalive)
{
    return OD_LIST_MEMBER(keepalive, struct od_websocket, keepalive);
}

static bool is_unread(const struct od_websocket *websocket)
{
    return websocket->is_paused || websocket->held != NULL;
}

// One that is closing has a deadline of its own, and of one that is not read nothing can be heard.
static bool ask(struct od_keepalive *keepalive)
{
    OD_ASSERT(keepalive->link.next != NULL);
    struct od_websocket *websocket = websocket_of(keepalive);
    if (!od_websocket_can_send(websocket) || websocket->peer_has_closed || is_unread(websocket))
        return false;
    keepalive->taken_bytes = od_wire_taken_bytes(websocket->wire);
    od_websocket_put(websocket, OD_FRAME_PING, false, (od_slice){NULL, 0});
    return true;
}

static void lost(struct od_keepalive *keepalive)
{
    struct od_websocket *websocket = websocket_of(keepalive);
    if (is_unread(websocket) || od_wire_is_taking(websocket->wire, keepalive->taken_bytes))
        od_keepalive_start(&websocket->net->keepalives, keepalive);
    else
        od_websocket_vanish(websocket);
}

const struct od_keepalive_events od_websocket_keepalive_events = {ask, lost};
