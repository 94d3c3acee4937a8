// What an edge consists of, for edge*.c only: edge.c is the beginning, the end and all news of it,
// edge_way.c its way to the object, from one owner to the next.

#ifndef OD_OBJECT_NODES_EDGE_INNER_H
#define OD_OBJECT_NODES_EDGE_INNER_H

#include "net/net.h"
#include "net/websocket.h"
#include "object/objects.h"

struct od_edge;

struct od_edge_end { // One of its WebSockets, whose holder it is.
    struct od_map_node by_number;
    struct od_list link; // In the waste.
    struct od_edge *edge;
    struct od_websocket *websocket;
    bool is_paused; // Too much waits in the other.
};

enum od_edge_state {
    OD_EDGE_OPEN,
    OD_EDGE_LOST,
    OD_EDGE_SEEKING,
    OD_EDGE_OVER,
};

struct od_edge {
    struct od_list link;
    struct od_list busy;
    struct od_objects *objects;
    uint64_t number; // That of the client's WebSocket.
    enum od_edge_state state;
    struct od_edge_end *client;
    struct od_edge_end *way;  // To the object. NULL: there is none.
    uint32_t place;           // Of the owner,
    uint64_t socket;          // and the number there; 0: not told yet.
    bool is_cut;              // By its object; it is told, and the way ends.
    uint64_t mark;            // Messages of the client,
    uint64_t confirmed;       // and those that are known to be handled;
    struct od_bytes unsure;   // the others: u8 is binary, str payload;
    bool has_lost_unsure;     // or some of them, for they were too large to be kept.
    bool is_awaited;          // The next owner's word that the object is there.
    bool is_count_known;      // Of who gave it away: what is not confirmed was not handled.
    bool has_moved;           // Its object; it is told, and the way ends.
    uint32_t next;            // The worker to which it goes; nowhere (places.h): it is not known.
    uint64_t facts;           // which have come,
    uint64_t facts_due;       // and are known to be on their way.
    struct od_bytes identity; // Of the object; empty: not told yet.
    struct od_bytes kept;     // Facts (keep.h).
    struct od_timer timer;
    od_time_ms seeks_until_ms;
    od_time_ms until_ms; // LOST, SEEKING.
};

void od_edge_check(const struct od_edge *edge);

struct od_edge_end *od_edge_end_new(struct od_edge *edge, uint64_t number);
bool od_edge_end_is_closed(const struct od_edge_end *end); // Also when there is none.

void od_edge_lose_way(struct od_edge *edge);
void od_edge_be_over(struct od_edge *edge);
// With a word to the client, if it can hear one.
void od_edge_give_up(struct od_edge *edge, uint16_t code, od_slice why);

// edge_way.c: the socket at [place] waits there for its connection. False: nobody can be reached.
OD_MUST_CHECK bool od_edge_connect(struct od_edge *edge, uint64_t socket);
// EDGE and a mark, to the worker that has its socket.
void od_edge_introduce(struct od_edge *edge);
// The first [count] messages are handled. The others, sent to the next owner.
void od_edge_confirm(struct od_edge *edge, uint64_t count);
void od_edge_send_unsure(struct od_edge *edge);
void od_edge_send_mark(struct od_edge *edge);
void od_edge_be_lost(struct od_edge *edge);       // Its way has ended without a Close.
void od_edge_begin_seeking(struct od_edge *edge); // It is LOST, and its object is elsewhere.
void od_edge_seek(struct od_edge *edge);
void od_edge_on_time(struct od_timer *timer);

#define OD_EDGE_WHY_LOST "the node of this object has ended"

#endif
