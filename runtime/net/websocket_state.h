// What a WebSocket consists of, for the files that are its body; everybody else knows only
// websocket.h.

#ifndef OD_NET_WEBSOCKET_STATE_H
#define OD_NET_WEBSOCKET_STATE_H

#include "codec/frame.h"
#include "net/websocket.h"
#include "net/wire.h"

// What was read and has to wait (websocket_read.c).
struct od_held {
    struct od_websocket *websocket;
    struct od_list line;          // In net->line.
    struct od_inflater *inflater; // Of a message that comes first; NULL: there is none.
    struct od_bytes payload;      // As it was sent,
    struct od_bytes message;      // as far as it is inflated,
    bool is_text;                 // its kind,
    uint8_t utf8;                 // and the state at the end of its text.
    struct od_bytes input;        // Bytes as they were read.
};

// What it has before the attachment, while a message is not whole, and while it closes.
struct od_amid {
    struct od_websocket *websocket;
    struct od_bytes early;       // Frames put before attach.
    struct od_timer deadline;    // For the peer's Close, or the end of a message.
    od_time_ms message_began_ms; // One that is not whole; 0: there is none.
    size_t coming_bytes;         // What it is counted with in the net's.
};

struct od_websocket {
    struct od_net *net;
    void *holder;
    struct od_list touched;           // In net->touched or net->promised.
    struct od_held *held;             // NULL: nothing.
    struct od_amid *amid;             // NULL: nothing (websocket_amid.c).
    struct od_wire *wire;             // NULL before attach, and at readyState 3.
    struct od_frame_decoder *decoder; // NULL: what it would know is that nothing has come.
    struct od_keepalive keepalive;    // Beats while there is a connection.
    char *url;                        // And behind it the subprotocol; NULL before attach.
    uint32_t url_size;
    uint32_t protocol_size;
    uint32_t place;         // On the net's page; OD_PAGE_NO_PLACE: nobody looks.
    uint32_t largest_bytes; // Of the messages that were put since nothing waited.
    uint32_t taken_bytes;   // What the peer's system had taken when it was asked; modulo 2^32.
    uint16_t peer_code;     // Of its Close.
    uint8_t window_bits : 4;
    bool is_client : 1;       // We asked for the upgrade.
    bool is_events : 1;       // An event stream: only we speak.
    bool has_closed : 1;      // We sent Close.
    bool peer_has_closed : 1; // It did.
    bool is_over : 1;         // readyState 3.
    bool is_paused : 1;
    bool is_relay : 1;    // Its messages are told as relayed,
    bool tells_pongs : 1; // and its pongs are told.
    bool is_reading : 1;  // Inside od_websocket_read or the line, which still need it:
    bool is_freed : 1;    // then freeing waits.
};

// Panics unless [websocket] is as its fields say of each other.
void od_websocket_check(const struct od_websocket *websocket);

// Puts a whole frame as our side sends it; no Close.
void od_websocket_put(struct od_websocket *websocket, enum od_frame_opcode opcode,
                      bool is_compressed, od_slice payload);

// websocket_read.c: bytes of the wire, and the end of what is held.
void od_websocket_read(void *owner, char *at, size_t size);
void od_websocket_drop_held(struct od_websocket *websocket);
void od_websocket_drop_decoder(struct od_websocket *websocket);
void od_websocket_message_is_late(struct od_websocket *websocket);

// websocket_amid.c: made when there is none, and gone when nothing of it is left.
struct od_amid *od_websocket_amid(struct od_websocket *websocket);
void od_websocket_set_deadline(struct od_websocket *websocket, od_time_ms delay_ms);
void od_websocket_clear_deadline(struct od_websocket *websocket);
void od_websocket_calm(struct od_websocket *websocket);
void od_websocket_count_coming(struct od_websocket *websocket, size_t size);

// What an end consists of, and what reading needs of sending.
void od_websocket_tell_closed(const struct od_websocket *websocket, uint16_t code, od_slice reason,
                              bool was_clean);
void od_websocket_put_close(struct od_websocket *websocket, uint16_t code, od_slice reason);
bool od_websocket_has_room(struct od_websocket *websocket);
void od_websocket_destroy(struct od_websocket *websocket);

// websocket_pulse.c: how a WebSocket is asked whether its peer is still there.
extern const struct od_keepalive_events od_websocket_keepalive_events;

#endif
