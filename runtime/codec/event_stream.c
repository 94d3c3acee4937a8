#include "codec/event_stream.h"

#include <stdio.h>
#include <string.h>

#include "codec/http_answer.h"

static void put_field(struct od_bytes *out, od_slice name, od_slice value)
{
    od_bytes_put_slice(out, name);
    od_bytes_put_slice(out, value);
    od_bytes_put_u8(out, '\n');
}

// CR, LF and CR LF end a line, for who reads them.
static size_t line_size(od_slice text)
{
    size_t size = 0;
    while (size < text.size && text.at[size] != '\r' && text.at[size] != '\n')
        size++;
    return size;
}

static void put_data(struct od_bytes *out, od_slice text)
{
    for (;;) {
        size_t size = line_size(text);
        bool is_indented = size > 0 && text.at[0] == ' '; // A reader takes one blank away.
        put_field(out, is_indented ? OD_SLICE("data: ") : OD_SLICE("data:"),
                  (od_slice){text.at, size});
        if (size == text.size)
            return;
        bool is_pair = text.at[size] == '\r' && size + 1 < text.size && text.at[size + 1] == '\n';
        text = od_slice_from(text, size + (is_pair ? 2 : 1));
    }
}

void od_event_frame_put(struct od_bytes *out, const struct od_event_frame *frame)
{
    char number[16];
    od_bytes_reserve(out, frame->data.size + frame->event.size + frame->id.size + 64);
    if (frame->retry_ms > 0) {
        int size = snprintf(number, sizeof number, "%u", frame->retry_ms);
        put_field(out, OD_SLICE("retry: "), (od_slice){number, (size_t)size});
    }
    if (frame->event.size > 0)
        put_field(out, OD_SLICE("event: "), frame->event);
    if (frame->has_id)
        put_field(out, OD_SLICE("id: "), frame->id);
    if (frame->has_data)
        put_data(out, frame->data);
    od_bytes_put_u8(out, '\n');
}

void od_event_frame_put_comment(struct od_bytes *out)
{
    od_bytes_put_slice(out, OD_SLICE(":\n\n"));
}

bool od_event_frame_is_line(od_slice text)
{
    return line_size(text) == text.size &&
           (text.size == 0 || memchr(text.at, '\0', text.size) == NULL);
}

bool od_event_stream_put_head(struct od_bytes *out, const struct od_response *response,
                              od_time_ms now_ms, struct od_error *err)
{
    struct od_http_pieces pieces;
    struct od_http_manner manner = {.keeps_alive = false, .version_minor = 0};
    uint64_t length;
    if (od_http_length_of(response->headers, &length))
        return od_error_set(err, "an event stream has no length");
    return od_http_pieces_begin(&pieces, out, response, manner, now_ms, err);
}
