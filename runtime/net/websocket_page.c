// How a WebSocket is, for those who look at the page: the part of websocket.h about other
// processes.

#include "codec/upgrade_record.h"
#include "link/worker_page.h"
#include "net/websocket_state.h"

// Main may read it at any moment, and nobody else writes it. A flag too many costs the client a
// Close 1012; one too few would let another process go on in the middle of a frame.
static void mark(const struct od_websocket *websocket, uint8_t set, uint8_t clear)
{
    OD_ASSERT(websocket->place < OD_PAGE_SOCKETS_MAX);
    uint8_t *flags = &websocket->net->page->flags[websocket->place];
    __atomic_store_n(flags, (uint8_t)((*flags | set) & ~clear), __ATOMIC_RELEASE);
}

static void show_busy(const struct od_websocket *websocket)
{
    bool is_closing = websocket->has_closed || websocket->peer_has_closed || websocket->is_over;
    mark(websocket, (uint8_t)(OD_PAGE_BUSY | (is_closing ? OD_PAGE_CLOSING : 0)), 0);
}

inline void od_websocket_touch(struct od_websocket *websocket)
{
    struct od_net *net = websocket->net;
    if (websocket->place == OD_PAGE_NO_PLACE)
        return;
    // What an event puts is owed from its end on. An event that never ends costs its worker, and
    // then the client must find its socket as it was before.
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
    // Nothing else is known of a connection: compression keeps no window between messages.
    return od_websocket_ready_state(websocket) == OD_READY_OPEN && websocket->wire != NULL &&
           websocket->held == NULL &&
           (websocket->decoder == NULL || !od_frame_decoder_is_amid(websocket->decoder)) &&
           net->events->is_at_rest(net->owner, websocket->holder);
}

// What waits to be sent is shown first: in between, its loss would go unseen.
static void show_rest(const struct od_websocket *websocket)
{
    OD_ASSERT(websocket->wire != NULL);
    od_wire_show(websocket->wire);
    mark(websocket, 0, OD_PAGE_BUSY);
}

void od_net_begin_event(struct od_net *net)
{
    OD_ASSERT(!net->is_in_event);
    OD_ASSERT(od_list_is_empty(&net->promised));
    net->is_in_event = true;
}

void od_net_end_event(struct od_net *net)
{
    OD_ASSERT(net->is_in_event);
    net->is_in_event = false;
    if (od_list_is_empty(&net->promised))
        return;
    // Before od_net_flush can send any of it: a socket whose frame has left counts as busy.
    OD_LIST_EACH (link, &net->promised)
        show_busy(OD_LIST_MEMBER(link, struct od_websocket, touched));
    od_list_move_all(&net->touched, &net->promised);
}

void od_net_settle(struct od_net *net)
{
    for (struct od_list *link; (link = od_list_pop_front(&net->touched)) != NULL;) {
        struct od_websocket *websocket = OD_LIST_MEMBER(link, struct od_websocket, touched);
        if (is_at_rest(websocket))
            show_rest(websocket);
        else
            show_busy(websocket);
    }
}

void od_websocket_show_at(struct od_websocket *websocket, uint32_t place)
{
    OD_ASSERT(place < OD_PAGE_SOCKETS_MAX);
    OD_ASSERT(websocket->net->page != NULL);
    websocket->place = place;
    if (websocket->wire != NULL)
        od_wire_show_at(websocket->wire, place);
}

// The place is given to another socket, whose flags od_net_settle must not touch for this one.
void od_websocket_hide(struct od_websocket *websocket)
{
    websocket->place = OD_PAGE_NO_PLACE;
    od_list_remove(&websocket->touched);
    if (websocket->wire != NULL)
        od_wire_hide(websocket->wire);
}

static struct od_upgrade_record record_at_rest(const struct od_websocket *websocket)
{
    return (struct od_upgrade_record){.window_bits = websocket->window_bits,
                                      .is_client = websocket->is_client,
                                      .is_events = websocket->is_events,
                                      .protocol = od_websocket_protocol(websocket),
                                      .url = od_websocket_url(websocket)};
}

void od_websocket_put_told(const struct od_websocket *websocket, od_slice payload, bool is_binary,
                           struct od_bytes *told)
{
    od_frame_put_message(websocket->is_client, payload, !is_binary, false, told);
}

// A message that lines up to be inflated stands before what the decoder has taken, and that before
// what waits for the decoder.
static void put_input(const struct od_websocket *websocket, struct od_bytes *input)
{
    const struct od_held *held = websocket->held;
    if (held != NULL && held->inflater != NULL)
        od_frame_put_message(websocket->is_client, od_bytes_slice(&held->payload), held->is_text,
                             true, input);
    if (websocket->decoder != NULL)
        od_frame_decoder_put_rest(websocket->decoder, input);
    if (held != NULL)
        od_bytes_put_slice(input, od_bytes_slice(&held->input));
}

void od_websocket_put_state(const struct od_websocket *websocket, od_slice told,
                            struct od_bytes *bytes)
{
    struct od_bytes input = {0}, output = {0};
    od_bytes_put_slice(&input, told);
    put_input(websocket, &input);
    od_wire_put_unsent(websocket->wire, &output);
    struct od_upgrade_record record = record_at_rest(websocket);
    record.output = od_bytes_slice(&output);
    record.input = od_bytes_slice(&input);
    record.has_closed = websocket->has_closed;
    od_upgrade_record_put(bytes, &record);
    od_bytes_deinit(&input);
    od_bytes_deinit(&output);
}

bool od_websocket_record_is_amid(od_slice bytes)
{
    struct od_upgrade_record record;
    return od_upgrade_record_read(bytes, &record) &&
           (record.input.size > 0 || record.output.size > 0 || record.has_closed);
}

void od_websocket_put_record(const struct od_websocket *websocket, struct od_bytes *bytes)
{
    struct od_upgrade_record record = record_at_rest(websocket);
    od_upgrade_record_put(bytes, &record);
}
