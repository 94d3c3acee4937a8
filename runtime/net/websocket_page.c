// How a WebSocket is, for those who look at the page: the part of websocket.h about other
// processes.

#include "link/page.h"
#include "net/upgrade_record.h"
#include "net/websocket_inner.h"

static void show_busy(const struct od_websocket *websocket)
{
    bool is_closing = websocket->has_closed || websocket->peer_has_closed || websocket->is_over;
    __atomic_fetch_or(websocket->flags, OD_PAGE_BUSY | (is_closing ? OD_PAGE_CLOSING : 0),
                      __ATOMIC_RELEASE);
}

void od_websocket_touch(struct od_websocket *websocket)
{
    struct od_net *net = websocket->net;
    if (websocket->flags == NULL)
        return;
    if (net->is_in_event) {
        if (od_list_is_empty(&websocket->touched))
            od_list_push_back(&net->promised, &websocket->touched);
        return;
    }
    show_busy(websocket);
    if (od_list_is_empty(&websocket->touched))
        od_list_push_back(&net->touched, &websocket->touched);
}

static bool is_at_rest(const struct od_websocket *websocket)
{
    const struct od_net *net = websocket->net;
    return od_websocket_ready_state(websocket) == OD_READY_OPEN && websocket->wire != NULL &&
           od_wire_waiting_bytes(websocket->wire) == 0 &&
           !od_frame_decoder_is_amid(&websocket->decoder) &&
           net->events->is_at_rest(net->owner, websocket->number);
}

void od_net_begin_event(struct od_net *net)
{
    net->is_in_event = true;
}

void od_net_end_event(struct od_net *net)
{
    net->is_in_event = false;
    OD_LIST_EACH (link, &net->promised)
        show_busy(OD_LIST_MEMBER(link, struct od_websocket, touched));
    od_list_move_all(&net->touched, &net->promised);
}

void od_net_settle(struct od_net *net)
{
    for (struct od_list *link; (link = od_list_pop_front(&net->touched)) != NULL;) {
        struct od_websocket *websocket = OD_LIST_MEMBER(link, struct od_websocket, touched);
        if (is_at_rest(websocket))
            __atomic_store_n(websocket->flags, 0, __ATOMIC_RELEASE);
        else
            show_busy(websocket);
    }
}

void od_websocket_set_flags(struct od_websocket *websocket, uint8_t *flags)
{
    websocket->flags = flags;
    if (flags == NULL)
        od_list_remove(&websocket->touched);
    if (websocket->wire != NULL)
        od_wire_set_flags(websocket->wire, flags);
    od_websocket_touch(websocket);
}

void od_websocket_put_record(const struct od_websocket *websocket, struct od_bytes *bytes)
{
    struct od_upgrade_record record = {.window_bits = websocket->window_bits,
                                       .protocol = od_websocket_protocol(websocket),
                                       .url = od_websocket_url(websocket)};
    od_upgrade_record_put(bytes, &record);
}
