#include "object/parts/access_log.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "base/log_field.h"
#include "link/request.h"
#include "object/limits.h"

static od_slice cut(od_slice text, size_t size)
{
    return (od_slice){text.at, text.size < size ? text.size : size};
}

static od_slice path_of(od_slice target, bool with_query)
{
    const char *query = memchr(target.at, '?', target.size);
    if (query != NULL && !with_query)
        target.size = (size_t)(query - target.at);
    return cut(target, OD_ACCESS_BYTES_MAX - 33);
}

struct od_access *od_access_log_begin(od_slice message, bool with_query)
{
    struct od_request request;
    if (!od_request_read(message, &request))
        return NULL;
    od_slice method = cut(request.method, 32), peer = cut(request.peer, 64);
    od_slice path = path_of(od_request_target(request.url), with_query);
    size_t size = method.size + 1 + path.size;
    struct od_access *access = od_allocate(sizeof *access + size + peer.size);
    *access = (struct od_access){.began_ns = uv_hrtime(),
                                 .size = (uint32_t)size,
                                 .method_size = (uint32_t)method.size,
                                 .peer_size = (uint32_t)peer.size};
    memcpy(access->text, method.at, method.size);
    access->text[method.size] = ' ';
    memcpy(access->text + method.size + 1, path.at, path.size);
    if (peer.size > 0)
        memcpy(access->text + size, peer.at, peer.size);
    return access;
}

void od_access_log_end(const struct od_access *access, uint16_t status, const char *label,
                       uint32_t version)
{
    struct od_bytes fields = {0};
    double ms = (double)(uv_hrtime() - access->began_ns) / 1e6;
    od_slice what = {access->text, access->size};
    od_log_field_text(&fields, "event", OD_SLICE("request"));
    od_log_field_text(&fields, "method", (od_slice){what.at, access->method_size});
    od_log_field_text(&fields, "path", od_slice_from(what, access->method_size + 1));
    od_log_field_number(&fields, "status", status);
    od_log_field_number(&fields, "ms", ms);
    od_log_field_text(&fields, "peer", (od_slice){access->text + access->size, access->peer_size});
    od_log_field_number(&fields, "version", version);
    od_log_request(label, what, status, ms, od_bytes_slice(&fields));
    od_bytes_deinit(&fields);
}

static void log_socket(const struct od_access_socket *socket, const char *event, uint16_t code,
                       od_slice reason)
{
    struct od_bytes fields = {0};
    char text[64 + OD_CLOSE_REASON_BYTES_MAX];
    int size =
        snprintf(text, sizeof text, "%s %llu %s", socket->is_events ? "event stream" : "WebSocket",
                 (unsigned long long)socket->id, event);
    if (code != 0)
        snprintf(text + size, sizeof text - (size_t)size, ": %u %.*s", code, (int)reason.size,
                 reason.at);
    od_log_field_text(&fields, "event", od_slice_of(event));
    od_log_field_number(&fields, "socket", (double)socket->id);
    if (code != 0)
        od_log_field_number(&fields, "code", code);
    od_log_put(&(struct od_log_line){.level = OD_LOG_INFO,
                                     .object = od_slice_of(socket->label),
                                     .message = od_slice_of(text),
                                     .fields = od_bytes_slice(&fields)});
    od_bytes_deinit(&fields);
}

void od_access_log_opened(const struct od_access_socket *socket)
{
    log_socket(socket, "opened", 0, (od_slice){NULL, 0});
}

// An event stream has no Close frame that its reader could send: it always goes without one.
void od_access_log_closed(const struct od_access_socket *socket, uint16_t code, od_slice reason)
{
    if (socket->is_events && od_slice_starts_with(reason, OD_SLICE("WebSocket ")))
        reason = OD_SLICE("its reader has gone");
    log_socket(socket, "closed", code, reason);
}
