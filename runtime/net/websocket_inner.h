// What the files of a WebSocket share among themselves; websocket.h is what others see of it.

#ifndef OD_NET_WEBSOCKET_INNER_H
#define OD_NET_WEBSOCKET_INNER_H

#include "net/frame.h"
#include "net/websocket.h"
#include "net/wire.h"

struct od_websocket {
    struct od_net *net;
    struct od_map_node node; // In net->websockets.
    uint64_t number;
    struct od_list touched; // In net->touched or net->promised.
    struct od_page *page;   // NULL: nobody looks.
    uint32_t place;         // On the page.
    struct od_wire *wire;   // NULL before attach, and at readyState 3.
    struct od_frame_decoder decoder;
    struct od_bytes early;    // Frames put before attach.
    struct od_bytes url;      // And behind it the subprotocol.
    struct od_timer deadline; // For the peer's Close.
    uint32_t url_size;
    uint16_t peer_code; // Of its Close.
    uint8_t window_bits;
    bool has_closed;      // We sent Close.
    bool peer_has_closed; // It did.
    bool is_over;         // readyState 3.
    bool is_paused;
    bool is_reading; // Inside on_bytes, which still needs it:
    bool is_freed;   // then freeing waits.
};

#endif
