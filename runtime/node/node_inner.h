// What the process that speaks with other nodes consists of, for the files of this folder only.
//
// Process: node; Thread: the loop's. Owner: od_node_main.

#ifndef OD_NODE_NODE_INNER_H
#define OD_NODE_NODE_INNER_H

#include "base/list.h"
#include "base/map.h"
#include "link/link.h"
#include "link/loop.h"
#include "link/seats.h"
#include "node/hello.h"
#include "node/limits.h"
#include "node/proof.h"

struct od_from { // An address, an IPv4 one as IPv6 has it.
    uint8_t bytes[16];
};

struct od_line { // See line.h.
    struct od_node *node;
    struct od_list link; // In the node's lines.
    struct od_link wire;
    struct od_neighbour *neighbour; // That was dialled, or has proved who it is; NULL: a stranger.
    struct od_veil *veil;           // NULL: both are at 127.0.0.1.
    struct od_from from;            // Of a stranger: from where it has come.
    bool is_ours;                   // We have dialled.
    bool is_proved;
    bool is_over;
    struct od_bytes said, heard; // The hellos.
    struct od_hello hello;       // The other's; into [heard].
    od_time_ms heard_ms;
    uint32_t news_count; // Of workers that have come or gone, since the last ping.
    struct od_timer timer;
    struct od_map tunnels;
    uint64_t next_tunnel;
};

struct od_neighbour { // See neighbour.h.
    struct od_node *node;
    uint32_t id; // 0: the seat is free.
    uint64_t life;
    uint32_t lives[OD_WORKERS_MAX]; // Of its workers, each of which has a number there.
    struct od_bytes address;        // With a zero at its end.
    struct od_line *line;           // It has proved; NULL: there is none.
    struct od_line *dialled;        // It may be another.
    uv_getaddrinfo_t *lookup;
    struct od_timer timer; // When it is dialled again.
    od_time_ms retry_ms;
    bool is_leaving;     // Its seat.
    struct od_bytes why; // It could not be linked, as it was logged.
};

struct od_node {
    const struct od_options *options;
    struct od_loop loop;
    struct od_link main;
    bool has_link;
    struct od_bytes secret;
    struct od_veils *veils; // By the secret.
    struct od_bytes cluster;
    uint32_t id; // 0: not told yet.
    uint64_t life;
    struct od_neighbour neighbours[OD_SEATS_MAX];
    struct od_list lines;
    size_t stranger_count;
    struct od_bytes why;            // A stranger was cut, as it was logged last.
    uint64_t workers;               // Which of this node are there, a bit each,
    uint32_t lives[OD_WORKERS_MAX]; // and which life of it that is.
    struct od_map channels;         // By worker and place,
    struct od_list busy;            // and those with something to send or to be taken.
};

static inline uint32_t od_node_seat(const struct od_neighbour *neighbour)
{
    return (uint32_t)(neighbour - neighbour->node->neighbours);
}

#endif
