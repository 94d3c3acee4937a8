// How many connections one address has, for --connections-per-address.
//
// A connection is accepted here, is served in a worker, may move to another and ends there, or with
// it. Main counts it from its accept until it hears of its end: the worker that closes it says so
// (CONNECTION_OVER), and when a worker dies all that only it held are over. A WebSocket that is
// kept (main/workers/keeper.h) outlives its worker and stays counted. Each step is a constant
// amount of work. Connections are known by the kernel's number of them (link/connection.h).
//
// IPv6 is counted by /64, which is what one customer is given and may choose addresses in.
//
// With no limit nobody is counted, and all calls do nothing.
//
// Process: main. Owner: the door.

#ifndef OD_MAIN_DOOR_CONNECTION_LIMIT_H
#define OD_MAIN_DOOR_CONNECTION_LIMIT_H

#include <netinet/in.h>

#include "base/error.h"
#include "base/list.h"
#include "base/map.h"

struct od_connection_limit {
    uint32_t limit;          // 0: nobody counts.
    struct od_map addresses; // Those that have some.
    struct od_map connections;
    struct od_list *held; // By worker: connections that end with it.
    uint64_t refused;
};

void od_connection_limit_init(struct od_connection_limit *connection_limit, uint32_t limit,
                              uint32_t worker_count);
void od_connection_limit_deinit(struct od_connection_limit *connection_limit);

// [fd] was accepted from [address] and is counted, as one that main has. False: the address would
// have more than it may, and it is not.
OD_MUST_CHECK bool od_connection_limit_enter(struct od_connection_limit *connection_limit, int fd,
                                             const struct in6_addr *address);

// It goes to [worker], which is to tell its end; and it is kept, so that it outlives that worker.
// What is not counted (any more) is an ordinary outcome here and below.
void od_connection_limit_give(struct od_connection_limit *connection_limit, uint64_t number,
                              uint32_t worker);
void od_connection_limit_keep(struct od_connection_limit *connection_limit, uint64_t number,
                              uint32_t worker);

// The same for one that [from] has given to [to]. Nothing when [from] does not hold it: what [to]
// said of it may have been quicker.
void od_connection_limit_move(struct od_connection_limit *connection_limit, uint64_t number,
                              uint32_t from, uint32_t to);

void od_connection_limit_leave(struct od_connection_limit *connection_limit,
                               uint64_t number); // It is over.
void od_connection_limit_worker_gone(struct od_connection_limit *connection_limit, uint32_t worker);

// For the status: how many connections are counted, and of how many addresses.
void od_connection_limit_count(const struct od_connection_limit *connection_limit,
                               size_t *connections, size_t *addresses);

#endif
