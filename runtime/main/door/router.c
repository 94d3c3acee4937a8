#include "main/door/router.h"

#include "base/cursor.h"
#include "main/processes/dry_run.h"
#include "object/names/route.h"

void od_router_init(struct od_router *router, uint32_t worker_count)
{
    OD_ASSERT(worker_count > 0);
    *router = (struct od_router){.worker_count = worker_count};
}

void od_router_deinit(struct od_router *router)
{
    od_bytes_deinit(&router->name);
    od_bytes_deinit(&router->namespaces);
    od_bytes_deinit(&router->assets);
    od_bytes_deinit(&router->keyed);
}

void od_router_serve(struct od_router *router, const struct od_verdict *verdict)
{
    struct od_cursor names = verdict->namespaces;
    OD_ASSERT(verdict->ok);
    router->has_entry = verdict->has_entry;
    od_bytes_clear(&router->assets);
    od_bytes_put_slice(&router->assets, verdict->assets);
    od_bytes_clear(&router->namespaces);
    for (uint32_t i = 0; i < 2 * verdict->namespace_count; i++)
        od_bytes_put_string(&router->namespaces, od_cursor_string(&names));
    OD_ASSERT(!names.failed);
}

od_slice od_router_stored_name(const struct od_router *router, od_slice called)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&router->namespaces));
    while (!od_cursor_at_end(&cursor)) {
        od_slice stored = od_cursor_string(&cursor);
        if (od_slice_equal(od_cursor_string(&cursor), called))
            return stored;
    }
    return called;
}

// Most connections are for the same namespace as the one before.
static const od_namespace_key *key_of(struct od_router *router, od_slice stored)
{
    if (router->keyed.size == 0 || !od_slice_equal(od_bytes_slice(&router->keyed), stored)) {
        router->key = od_namespace_key_of(stored);
        od_bytes_clear(&router->keyed);
        od_bytes_put_slice(&router->keyed, stored);
    }
    return &router->key;
}

uint32_t od_router_pick(struct od_router *router, od_slice target)
{
    od_slice space;
    OD_ASSERT(router->worker_count > 0);
    if (router->has_entry || od_route_path(target, &space, &router->name) != OD_ROUTE_OK)
        return OD_ROUTER_ANY;
    uint32_t worker = od_worker_of_name(key_of(router, od_router_stored_name(router, space)),
                                        od_bytes_slice(&router->name), router->worker_count);
    OD_ASSERT(worker < router->worker_count);
    return worker;
}
