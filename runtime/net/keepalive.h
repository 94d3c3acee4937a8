// The keepalive of connections: who has been quiet for long is asked whether he is still there.
//
// A peer that loses power or its network says nothing, and TCP does not notice while nobody writes.
// So each WebSocket that has been quiet for [ping_ms] is sent a ping, and one that says nothing for
// as long again is lost. Any byte is a sign of life, and so is a peer's system that goes on taking
// what waits for it: the ping may stand behind a megabyte on a slow line.
//
// All of them stand in two lists, the heard and the asked, each in the order of time; a sign of
// life moves one to the end of the heard. One timer looks at the fronts. So a connection costs a
// few words and a read costs four pointers, where a timer each would cost the logarithm of their
// number.
//
// Process: worker. Owner: struct od_keepalives is embedded in the net, struct od_keepalive in its
// WebSocket, which takes it out before it goes.

#ifndef OD_NET_KEEPALIVE_H
#define OD_NET_KEEPALIVE_H

#include "base/list.h"
#include "base/timers.h"

struct od_loop;

struct od_keepalive {
    struct od_list link;
    od_time_ms since_ms; // When it was heard or asked last.
};

struct od_keepalive_events { // They may take out the one they are given, and no other.
    // Sends a ping. False: that would make no sense at the moment, ask again later.
    bool (*ask)(struct od_keepalive *keepalive);
    // It has not answered; it is in no list any more.
    void (*lost)(struct od_keepalive *keepalive);
};

struct od_keepalives {
    struct od_loop *loop;
    const struct od_keepalive_events *events;
    od_time_ms ping_ms; // 0: nobody is asked.
    struct od_list heard;
    struct od_list asked;
    struct od_timer timer;
};

void od_keepalives_init(struct od_keepalives *keepalives, struct od_loop *loop,
                        const struct od_keepalive_events *events);
void od_keepalives_set_ping_ms(struct od_keepalives *keepalives,
                               od_time_ms ping_ms);        // Also while they beat.
void od_keepalives_stop(struct od_keepalives *keepalives); // Nobody is asked any more.

void od_keepalive_start(struct od_keepalives *keepalives, struct od_keepalive *keepalive);
void od_keepalive_beat(struct od_keepalives *keepalives,
                       struct od_keepalive *keepalive); // A sign of life.
void od_keepalive_stop(
    struct od_keepalive *keepalive); // Also one that has not started; zeroed memory is one.

#endif
