#include "link/request.h"

#include <string.h>

static void put_joined(struct od_bytes *bytes, const od_slice *parts, size_t count)
{
    size_t mark = bytes->size;
    od_bytes_put_u32(bytes, 0);
    for (size_t i = 0; i < count; i++)
        od_bytes_put_slice(bytes, parts[i]);
    od_bytes_set_u32(bytes, mark, (uint32_t)(bytes->size - mark - 4));
}

size_t od_request_begin(struct od_bytes *bytes, od_slice method, const od_slice *url, size_t parts,
                        od_slice peer, od_slice tls)
{
    od_bytes_put_string(bytes, method);
    put_joined(bytes, url, parts);
    od_bytes_put_string(bytes, peer);
    od_bytes_put_string(bytes, tls);
    od_bytes_put_u32(bytes, 0); // No stream.
    od_bytes_put_u64(bytes, 0);
    od_bytes_put_u32(bytes, 0);
    return bytes->size - 4;
}

void od_request_end(struct od_bytes *bytes, size_t mark, uint32_t header_count, od_slice body)
{
    OD_ASSERT(mark + sizeof header_count <= bytes->size);
    od_bytes_set_u32(bytes, mark, header_count);
    od_bytes_put_string(bytes, body);
}

void od_request_set_stream(struct od_bytes *message, uint32_t worker, uint64_t stream)
{
    struct od_bytes field = {0};
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(message));
    for (int i = 0; i < 4; i++)
        (void)od_cursor_string(&cursor); // Method, URL, peer, TLS.
    OD_ASSERT(!cursor.failed);
    od_bytes_put_u32(&field, worker);
    od_bytes_put_u64(&field, stream);
    size_t at = message->size - od_cursor_rest(&cursor).size;
    OD_ASSERT(at + field.size <= message->size);
    memcpy(message->at + at, field.at, field.size);
    od_bytes_deinit(&field);
}

bool od_request_read(od_slice message, struct od_request *request)
{
    struct od_cursor cursor = od_cursor_of(message);
    request->method = od_cursor_string(&cursor);
    request->url = od_cursor_string(&cursor);
    request->peer = od_cursor_string(&cursor);
    request->tls = od_cursor_string(&cursor);
    request->worker = od_cursor_u32(&cursor);
    request->stream = od_cursor_u64(&cursor);
    request->headers = od_headers_read(&cursor);
    request->body = od_cursor_string(&cursor);
    return !cursor.failed;
}

od_slice od_request_url(od_slice message)
{
    struct od_cursor cursor = od_cursor_of(message);
    (void)od_cursor_string(&cursor); // The method.
    od_slice url = od_cursor_string(&cursor);
    OD_ASSERT(!cursor.failed);
    return url;
}

od_slice od_request_target(od_slice url)
{
    const char *colon = url.size == 0 ? NULL : memchr(url.at, ':', url.size);
    od_slice rest =
        colon == NULL ? (od_slice){NULL, 0} : od_slice_from(url, (size_t)(colon - url.at));
    bool is_absolute = od_slice_starts_with(rest, OD_SLICE("://"));
    rest = is_absolute ? od_slice_from(rest, 3) : url;
    const char *slash = rest.size == 0 ? NULL : memchr(rest.at, '/', rest.size);
    return slash == NULL ? OD_SLICE("/") : od_slice_from(rest, (size_t)(slash - rest.at));
}
