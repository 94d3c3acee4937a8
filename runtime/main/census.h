// How many connections one address has, for --connections-per-address.
//
// A connection is accepted here, lives in a worker, may move to another and ends there, or with it.
// Rather than keep books over all of that, the kernel is asked, which knows (sock_diag). A question
// costs a walk over its table of connections, so it is only asked when an address could be at its
// bound: in between, what was counted last and what has come since is an upper limit.
//
// Process: main. Owner: the door; close after open.

#ifndef OD_MAIN_CENSUS_H
#define OD_MAIN_CENSUS_H

#include <netinet/in.h>

#include "base/clock.h"
#include "main/listener.h"

#define OD_CENSUS_PLACES 1024

struct od_census_place { // Of the address that was here last; others that fall on it take turns.
    struct in6_addr address;
    uint32_t count_max; // It has no more than this.
    od_time_ms asked_ms;
    bool is_taken;
};

struct od_census {
    uint32_t limit; // 0: nobody counts.
    uint16_t port;
    int fd;
    uint64_t refused;
    struct od_census_place *places;
};

void od_census_open(struct od_census *census, uint32_t limit, const struct od_listeners *listeners);
void od_census_close(struct od_census *census);

// Whether [address], which has just been accepted once more, keeps within the limit with it.
bool od_census_admits(struct od_census *census, const struct in6_addr *address);

#endif
