#include "net/websocket_state.h"

static struct od_websocket *websocket_of(struct od_pulse *pulse)
{
    return OD_LIST_MEMBER(pulse, struct od_websocket, pulse);
}

static bool is_unread(const struct od_websocket *websocket)
{
    return websocket->is_paused || websocket->held != NULL;
}

// One that is closing has a deadline of its own, and of one that is not read nothing can be heard.
static bool ask(struct od_pulse *pulse)
{
    struct od_websocket *websocket = websocket_of(pulse);
    if (!od_websocket_can_send(websocket) || websocket->peer_has_closed || is_unread(websocket))
        return false;
    pulse->taken_bytes = od_wire_taken_bytes(websocket->wire);
    od_websocket_put(websocket, OD_FRAME_PING, false, (od_slice){NULL, 0});
    return true;
}

static void lost(struct od_pulse *pulse)
{
    struct od_websocket *websocket = websocket_of(pulse);
    if (is_unread(websocket) || od_wire_is_taking(websocket->wire, pulse->taken_bytes))
        od_pulse_start(&websocket->net->pulses, pulse);
    else
        od_websocket_vanish(websocket);
}

const struct od_pulse_events od_websocket_pulse_events = {ask, lost};
