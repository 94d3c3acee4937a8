#include "object/access_log.h"

#include <string.h>
#include <uv.h>

#include "base/log.h"

static od_slice cut(od_slice text, size_t size)
{
    return (od_slice){text.at, text.size < size ? text.size : size};
}

void od_access_log_begin(struct od_call *call, const struct od_request *request)
{
    if (!call->objects->logs_accesses)
        return;
    od_slice method = cut(request->method, 32);
    od_slice target = cut(od_request_target(request->url), OD_ACCESS_BYTES_MAX - 33);
    struct od_access *access = od_allocate(sizeof *access + method.size + 1 + target.size);
    access->began_ns = uv_hrtime();
    access->size = (uint32_t)(method.size + 1 + target.size);
    memcpy(access->text, method.at, method.size);
    access->text[method.size] = ' ';
    memcpy(access->text + method.size + 1, target.at, target.size);
    call->access = access;
}

void od_access_log_end(const struct od_call *call, uint16_t status)
{
    const struct od_access *access = call->access;
    if (access == NULL)
        return;
    od_log_request(call->object == NULL ? NULL : call->object->label,
                   (od_slice){access->text, access->size}, status,
                   (double)(uv_hrtime() - access->began_ns) / 1e6);
}

static const char *what(const struct od_socket *socket)
{
    return socket->is_events ? "event stream" : "WebSocket";
}

void od_access_log_opened(const struct od_socket *socket)
{
    if (socket->object->objects->logs_accesses)
        od_log(OD_LOG_INFO, socket->object->label, "%s %llu opened", what(socket),
               (unsigned long long)socket->id);
}

void od_access_log_closed(const struct od_socket *socket, uint16_t code, od_slice reason)
{
    if (socket->object->objects->logs_accesses)
        od_log(OD_LOG_INFO, socket->object->label, "%s %llu closed: %u %.*s", what(socket),
               (unsigned long long)socket->id, code, (int)reason.size, reason.at);
}
