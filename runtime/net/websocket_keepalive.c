#include "codec/event_stream.h"
#include "net/websocket_state.h"

static struct od_websocket *websocket_of(struct od_keepalive *keepalive)
{
    return OD_LIST_MEMBER(keepalive, struct od_websocket, keepalive);
}

static bool is_unread(const struct od_websocket *websocket)
{
    return websocket->is_paused || websocket->held != NULL;
}

// Nobody answers it, but his system takes it, or does not.
static void put_comment(struct od_websocket *websocket)
{
    struct od_bytes comment = {0};
    od_event_frame_put_comment(&comment);
    od_websocket_send(websocket, od_bytes_slice(&comment), false);
    od_bytes_deinit(&comment);
}

// The client of an event stream who has taken all that was sent is there; he is asked at once
// again.
static bool has_taken(struct od_websocket *websocket)
{
    if (!websocket->is_events || !od_wire_has_sent_all(websocket->wire))
        return false;
    put_comment(websocket);
    return true;
}

// One that is closing has a deadline of its own, and of one that is not read nothing can be heard.
static bool ask(struct od_keepalive *keepalive)
{
    OD_ASSERT(keepalive->link.next != NULL);
    struct od_websocket *websocket = websocket_of(keepalive);
    if (!od_websocket_can_send(websocket) || websocket->peer_has_closed || is_unread(websocket))
        return false;
    websocket->taken_bytes = od_wire_taken_bytes(websocket->wire);
    if (websocket->is_events)
        put_comment(websocket);
    else
        od_websocket_put(websocket, OD_FRAME_PING, false, (od_slice){NULL, 0});
    return true;
}

static void lost(struct od_keepalive *keepalive)
{
    struct od_websocket *websocket = websocket_of(keepalive);
    if (is_unread(websocket) || has_taken(websocket) ||
        od_wire_is_taking(websocket->wire, websocket->taken_bytes))
        od_keepalive_start(&websocket->net->keepalives, keepalive);
    else
        od_websocket_vanish(websocket);
}

const struct od_keepalive_events od_websocket_keepalive_events = {ask, lost};
