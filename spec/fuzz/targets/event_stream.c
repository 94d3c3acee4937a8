// Frames of event streams: whatever an event says, who reads it as the HTML standard has it (9.2.6)
// finds one event, and in it what was said.

#include "fuzz.h"

#include "codec/event_stream.h"

struct event {
    struct od_bytes data, name, id;
    bool has_data;
    unsigned count;
};

static void take_field(struct event *event, od_slice name, od_slice value)
{
    struct od_bytes *field = &event->data;
    if (od_slice_equal(name, OD_SLICE("data"))) {
        if (event->has_data)
            od_bytes_put_u8(&event->data, '\n');
        event->has_data = true;
    } else if (od_slice_equal(name, OD_SLICE("event"))) {
        field = &event->name;
    } else if (od_slice_equal(name, OD_SLICE("id"))) {
        field = &event->id;
    } else {
        OD_ASSERT(od_slice_equal(name, OD_SLICE("retry")));
        return;
    }
    od_bytes_put_slice(field, value);
}

static void take_line(struct event *event, od_slice line)
{
    const char *colon = line.size == 0 ? NULL : memchr(line.at, ':', line.size);
    if (line.size == 0) {
        event->count += event->has_data;
        event->has_data = false;
        return;
    }
    OD_ASSERT(colon != NULL);
    od_slice name = {line.at, (size_t)(colon - line.at)};
    od_slice value = od_slice_from(line, name.size + 1);
    if (name.size == 0)
        return; // A comment.
    OD_ASSERT(event->count == 0);
    if (od_slice_starts_with(value, OD_SLICE(" ")))
        value = od_slice_from(value, 1);
    take_field(event, name, value);
}

// A line ends with CR LF, LF or CR.
static void read_all(struct event *event, od_slice text)
{
    while (text.size > 0) {
        size_t size = 0;
        while (size < text.size && text.at[size] != '\n' && text.at[size] != '\r')
            size++;
        OD_ASSERT(size < text.size);
        take_line(event, (od_slice){text.at, size});
        bool is_pair = text.at[size] == '\r' && size + 1 < text.size && text.at[size + 1] == '\n';
        text = od_slice_from(text, size + (is_pair ? 2 : 1));
    }
}

// What is left of a text whose lines may end in any of the three ways.
static void put_with_one_ending(struct od_bytes *out, od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\r' && i + 1 < text.size && text.at[i + 1] == '\n')
            continue;
        od_bytes_put_u8(out, text.at[i] == '\r' ? '\n' : (uint8_t)text.at[i]);
    }
}

static void check(const struct od_event_frame *frame)
{
    struct od_bytes out = {0}, data = {0};
    struct event event = {0};
    od_event_frame_put_comment(&out);
    od_event_frame_put(&out, frame);
    od_event_frame_put_comment(&out);
    read_all(&event, od_bytes_slice(&out));
    put_with_one_ending(&data, frame->data);
    OD_ASSERT(event.count == frame->has_data);
    if (frame->has_data)
        OD_ASSERT(od_slice_equal(od_bytes_slice(&event.data), od_bytes_slice(&data)));
    OD_ASSERT(od_slice_equal(od_bytes_slice(&event.name), frame->event));
    if (frame->has_id)
        OD_ASSERT(od_slice_equal(od_bytes_slice(&event.id), frame->id));
    od_bytes_deinit(&out);
    od_bytes_deinit(&data);
    od_bytes_deinit(&event.data);
    od_bytes_deinit(&event.name);
    od_bytes_deinit(&event.id);
}

static od_slice cut_off(od_slice *rest, size_t size)
{
    od_slice front = {rest->at, size < rest->size ? size : rest->size};
    *rest = od_slice_from(*rest, front.size);
    return front;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t how = fuzz_choice(&data, &size);
    uint8_t name_size = fuzz_choice(&data, &size), id_size = fuzz_choice(&data, &size);
    char *copy = fuzz_copy(data, size);
    od_slice rest = {copy, size};
    struct od_event_frame frame = {
        .has_id = how & 1, .has_data = how & 2, .retry_ms = how & 4 ? 1u + how : 0};
    od_slice name = cut_off(&rest, name_size), id = cut_off(&rest, id_size);
    if (od_event_frame_is_line(name))
        frame.event = name;
    if (od_event_frame_is_line(id) && frame.has_id)
        frame.id = id;
    frame.data = rest;
    check(&frame);
    free(copy);
    return 0;
}
