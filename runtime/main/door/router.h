// The router: which worker gets a new connection.
//
// Its first request decides. When the script has no entry `fetch`, the path names an object, and
// the connection goes where that object lives, so that a WebSocket is born where it stays.
// Everything else can be answered by any worker: an entry `fetch` runs in each, and a path that
// names no object is a 404 everywhere. The map itself is object/names/route.h, the same in all
// processes.
//
// Owner: embedded.

#ifndef OD_MAIN_DOOR_ROUTER_H
#define OD_MAIN_DOOR_ROUTER_H

#include "base/bytes.h"
#include "object/names/id.h"

#define OD_ROUTER_ANY UINT32_MAX

struct od_verdict;

struct od_router {
    uint32_t worker_count;
    bool has_entry;             // The version that is served,
    struct od_bytes namespaces; // (str as stored, str as called)* of it,
    struct od_bytes assets;     // and its folder of assets; empty: none.
    struct od_bytes name;       // Room for the decoded name.
    struct od_bytes keyed;      // The namespace, as stored,
    od_namespace_key key;       // whose key this is.
};

void od_router_init(struct od_router *router, uint32_t worker_count);
void od_router_deinit(struct od_router *router);

void od_router_serve(struct od_router *router, const struct od_verdict *verdict);

// The name as stored of the namespace that the script calls so, or [called] itself.
od_slice od_router_stored_name(const struct od_router *router, od_slice called);

// The worker for a request with [target] ("/rooms/lobby?x"), or OD_ROUTER_ANY.
uint32_t od_router_pick(struct od_router *router, od_slice target);

#endif
