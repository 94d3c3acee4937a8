#include "link/response.h"

size_t od_response_begin(struct od_bytes *bytes, uint16_t status)
{
    return od_response_begin_with(bytes, status, OD_RESPONSE_ALONE, 0, 0);
}

size_t od_response_begin_with(struct od_bytes *bytes, uint16_t status, enum od_response_part part,
                              uint32_t worker, uint64_t number)
{
    OD_ASSERT(part < OD_RESPONSE_PARTS);
    OD_ASSERT((part == OD_RESPONSE_ALONE) == (number == 0));
    od_bytes_put_u16(bytes, status);
    od_bytes_put_u8(bytes, (uint8_t)part);
    od_bytes_put_u32(bytes, worker);
    od_bytes_put_u64(bytes, number);
    od_bytes_put_u32(bytes, 0);
    return bytes->size - 4;
}

void od_response_end(struct od_bytes *bytes, size_t mark, uint32_t header_count, od_slice body)
{
    OD_ASSERT(mark + sizeof header_count <= bytes->size);
    od_bytes_set_u32(bytes, mark, header_count);
    od_bytes_put_string(bytes, body);
}

bool od_response_read(od_slice message, struct od_response *response)
{
    struct od_cursor cursor = od_cursor_of(message);
    response->status = od_cursor_u16(&cursor);
    uint8_t part = od_cursor_u8(&cursor);
    response->worker = od_cursor_u32(&cursor);
    uint64_t number = od_cursor_u64(&cursor);
    response->is_events = part == OD_RESPONSE_EVENTS;
    response->socket = part == OD_RESPONSE_SOCKET || response->is_events ? number : 0;
    response->stream = part == OD_RESPONSE_STREAM ? number : 0;
    response->headers = od_headers_read(&cursor);
    response->body = od_cursor_string(&cursor);
    response->bytes = message.size;
    return !cursor.failed && part < OD_RESPONSE_PARTS &&
           (part == OD_RESPONSE_ALONE) == (number == 0);
}

bool od_response_is_alone(od_slice message)
{
    const size_t part_at = sizeof(uint16_t); // Behind the status.
    return message.size <= part_at || message.at[part_at] == OD_RESPONSE_ALONE;
}

void od_response_put_plain(struct od_bytes *bytes, uint16_t status, const char *text)
{
    OD_ASSERT(status >= 200 && status <= 599);
    size_t mark = od_response_begin(bytes, status);
    od_headers_put(bytes, OD_SLICE("content-type"), OD_SLICE("text/plain; charset=utf-8"));
    if (status == 503)
        od_headers_put(bytes, OD_SLICE("retry-after"), OD_SLICE("1"));
    od_response_end(bytes, mark, status == 503 ? 2 : 1, od_slice_of(text));
}
