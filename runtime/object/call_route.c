// Where a request of a client goes: to a file, to the script's entry, or to the object in its path.

#include <stdlib.h>

#include "base/spares.h"
#include "link/request.h"
#include "net/net.h"
#include "object/assets/assets.h"
#include "object/call_inner.h"
#include "object/names/route.h"
#include "object/parts/access_log.h"

enum {
    listed_bytes = 1024
};

// 404 to somebody who does not know yet how a URL of an object looks.
static void answer_no_route(struct od_call *call)
{
    struct od_bytes text = {0}, response = {0};
    od_bytes_put_slice(&text, OD_SLICE("Not Found: an object is at /NAMESPACE/NAME, and the "
                                       "script has these namespaces:"));
    OD_LIST_EACH (link, &call->objects->namespaces) {
        const struct od_namespace *namespace = OD_LIST_MEMBER(link, struct od_namespace, link);
        if (!od_objects_serve(call->objects, namespace) || text.size > listed_bytes)
            continue;
        od_bytes_put_u8(&text, ' ');
        od_bytes_put_slice(&text, od_namespace_called(namespace));
    }
    od_bytes_put(&text, "\n", 2); // With the zero that ends it.
    od_response_put_plain(&response, 404, text.at);
    od_call_answer(call, od_bytes_slice(&response));
    od_bytes_deinit(&text);
    od_bytes_deinit(&response);
}

static void answer_with(struct od_call *call, struct od_assets_answer *answer)
{
    od_slice response = od_bytes_slice(&answer->response);
    if (answer->fd < 0)
        od_call_answer_as(call, answer->status, response);
    else
        od_call_answer_file(call, answer->status, response, answer->fd, answer->first,
                            answer->size);
    od_bytes_deinit(&answer->response);
}

static bool is_answered_at_first(struct od_call *call, od_slice request)
{
    struct od_request head;
    struct od_assets_answer answer;
    struct od_assets *assets = call->objects->script->assets;
    if (assets == NULL || !od_request_read(request, &head) ||
        !od_assets_answer(assets, &head, call->objects->shows_errors, &answer))
        return false;
    if (answer.is_poll) {
        free(call->access);
        call->access = NULL;
    }
    answer_with(call, &answer);
    return true;
}

static bool is_answered_at_last(struct od_call *call, od_slice request)
{
    struct od_request head;
    struct od_assets_answer answer;
    const struct od_assets *assets = call->objects->script->assets;
    if (assets == NULL || !od_request_read(request, &head) ||
        !od_assets_answer_at_last(assets, &head, &answer))
        return false;
    answer_with(call, &answer);
    return true;
}

static void route_by_path(struct od_call *call, od_slice request, struct od_bytes *memory,
                          od_slice target)
{
    struct od_spares *spares = &call->objects->net->spare_bytes;
    struct od_bytes name = {0};
    od_spares_take(spares, &name);
    struct od_call_message message = {.body = request, .memory = memory, .has_name = true};
    enum od_route_result result = od_route_path(target, &message.namespace_name, &name);
    struct od_namespace *namespace =
        result == OD_ROUTE_OK ? od_objects_namespace_called(call->objects, message.namespace_name)
                              : NULL;
    if (result == OD_ROUTE_MALFORMED) {
        od_call_fail(call, 400, OD_SLICE("the name in the path does not decode to UTF-8"));
    } else if (namespace == NULL) {
        if (!is_answered_at_last(call, request))
            answer_no_route(call);
    } else if (!od_objects_serve(call->objects, namespace)) {
        od_call_refuse(call, namespace);
    } else {
        message.namespace_name = namespace->name;
        message.name = od_bytes_slice(&name);
        message.id = od_id_of_name(&namespace->key, message.name);
        od_call_send_message(call, &message);
    }
    od_spares_give(spares, &name);
}

void od_call_route(struct od_call *call, od_slice request, struct od_bytes *memory)
{
    OD_ASSERT(call->from == OD_FROM_EXCHANGE);
    od_call_check(call);
    od_call_leave_object(call); // The entry, when it went there before.
    if (call->access == NULL && call->objects->logs_accesses)
        call->access = od_access_log_begin(request, call->objects->logs_queries);
    od_slice target = od_request_target(od_request_url(request));
    if (!od_route_is_test(target) && is_answered_at_first(call, request))
        return;
    if (call->objects->script->has_entry || od_route_is_test(target))
        od_call_give_to(call, call->objects->entry, request, memory);
    else
        route_by_path(call, request, memory, target);
}

static bool namespace_wants_pieces(struct od_objects *objects, od_slice target)
{
    struct od_bytes name = {0};
    od_slice space;
    const struct od_namespace *namespace = od_route_path(target, &space, &name) == OD_ROUTE_OK
                                               ? od_objects_namespace(objects, space)
                                               : NULL;
    od_bytes_deinit(&name);
    return namespace != NULL && od_objects_serve(objects, namespace) &&
           objects->script->streams(objects->script, namespace);
}

bool od_call_wants_pieces(struct od_objects *objects, od_slice request)
{
    od_slice target = od_request_target(od_request_url(request));
    if (od_route_is_test(target))
        return false;
    if (objects->script->has_entry)
        return objects->script->streams(objects->script, NULL);
    return namespace_wants_pieces(objects, target);
}
