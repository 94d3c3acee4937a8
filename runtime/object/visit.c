#include "object/visit.h"

#include <string.h>
#include <uv.h>

#include "base/log.h"

static od_slice cut(od_slice text, size_t size)
{
    return (od_slice){text.at, text.size < size ? text.size : size};
}

void od_visit_begin(struct od_call *call, const struct od_request *request)
{
    if (!call->objects->logs_visits)
        return;
    od_slice method = cut(request->method, 32);
    od_slice target = cut(od_request_target(request->url), OD_VISIT_BYTES_MAX - 33);
    struct od_visit *visit = od_allocate(sizeof *visit + method.size + 1 + target.size);
    visit->began_ns = uv_hrtime();
    visit->size = (uint32_t)(method.size + 1 + target.size);
    memcpy(visit->text, method.at, method.size);
    visit->text[method.size] = ' ';
    memcpy(visit->text + method.size + 1, target.at, target.size);
    call->visit = visit;
}

void od_visit_end(const struct od_call *call, uint16_t status)
{
    const struct od_visit *visit = call->visit;
    if (visit == NULL)
        return;
    od_log_request(call->object == NULL ? NULL : call->object->label,
                   (od_slice){visit->text, visit->size}, status,
                   (double)(uv_hrtime() - visit->began_ns) / 1e6);
}

void od_visit_opened(const struct od_socket *socket)
{
    if (socket->object->objects->logs_visits)
        od_log(OD_LOG_INFO, socket->object->label, "WebSocket %llu opened",
               (unsigned long long)socket->id);
}

void od_visit_closed(const struct od_socket *socket, uint16_t code, od_slice reason)
{
    if (socket->object->objects->logs_visits)
        od_log(OD_LOG_INFO, socket->object->label, "WebSocket %llu closed: %u %.*s",
               (unsigned long long)socket->id, code, (int)reason.size, reason.at);
}
