// What of a file a client wants: its conditions, ranges, dates and codings, as strangers write
// them.

#include "fuzz.h"

#include <stdio.h>

#include "codec/http_answer.h"
#include "codec/http_conditions.h"

static const char *const names[] = {"range",    "if-range",          "if-none-match",
                                    "if-match", "if-modified-since", "accept-encoding"};
enum {
    names_count = sizeof names / sizeof *names
};

static enum od_http_wish wish_of(const struct od_bytes *fields, uint32_t count,
                                 const struct od_http_thing *thing, uint64_t *first, uint64_t *size)
{
    struct od_headers headers = {.cursor = od_cursor_of(od_bytes_slice(fields)), .left = count};
    enum od_http_wish wish = od_http_wish_of(headers, thing, first, size);
    OD_ASSERT(wish <= OD_HTTP_PRECONDITION);
    if (wish == OD_HTTP_PART)
        OD_ASSERT(*size > 0 && *first < thing->size && *size <= thing->size - *first);
    (void)od_http_accepts_coding(headers, OD_SLICE("br"));
    return wish;
}

// Any of the fields, each with a part of the input.
static void ask_as_stranger(od_slice text, const struct od_http_thing *thing)
{
    struct od_bytes fields = {0};
    uint32_t count = 0;
    uint64_t first = 0, size = 0;
    while (text.size > 1) {
        uint8_t which = (uint8_t)text.at[0], length = (uint8_t)text.at[1];
        text = od_slice_from(text, 2);
        od_slice value = {text.at, length < text.size ? length : text.size};
        text = od_slice_from(text, value.size);
        od_headers_put(&fields, od_slice_of(names[which % names_count]), value);
        count++;
    }
    (void)wish_of(&fields, count, thing, &first, &size);
    od_bytes_deinit(&fields);
}

static void ask(const char *name, const char *value, const struct od_http_thing *thing,
                enum od_http_wish expected, uint64_t from, uint64_t length)
{
    struct od_bytes fields = {0};
    uint64_t first = 0, size = 0;
    od_headers_put(&fields, od_slice_of(name), od_slice_of(value));
    OD_ASSERT(wish_of(&fields, 1, thing, &first, &size) == expected);
    if (expected == OD_HTTP_PART)
        OD_ASSERT(first == from && size == length);
    od_bytes_deinit(&fields);
}

// Ranges that are right mean what they mean.
static void ask_for_parts(uint64_t first, uint64_t last, const struct od_http_thing *thing)
{
    char text[64];
    uint64_t all = thing->size;
    snprintf(text, sizeof text, "bytes=%llu-%llu", (unsigned long long)first,
             (unsigned long long)last);
    enum od_http_wish expected = first > last   ? OD_HTTP_ALL
                                 : first >= all ? OD_HTTP_NOT_THERE
                                                : OD_HTTP_PART;
    ask("range", text, thing, expected, first, (last < all ? last + 1 : all) - first);
    snprintf(text, sizeof text, "bytes=%llu-", (unsigned long long)first);
    ask("range", text, thing, first >= all ? OD_HTTP_NOT_THERE : OD_HTTP_PART, first, all - first);
    snprintf(text, sizeof text, "bytes=-%llu", (unsigned long long)last);
    uint64_t length = last < all ? last : all;
    ask("range", text, thing, length == 0 ? OD_HTTP_NOT_THERE : OD_HTTP_PART, all - length, length);
}

// Who says what he was told has it.
static void ask_again(const struct od_http_thing *thing)
{
    char etag[80];
    snprintf(etag, sizeof etag, "\"x\" , W/%.*s", (int)thing->etag.size, thing->etag.at);
    ask("if-none-match", etag, thing, OD_HTTP_NOT_MODIFIED, 0, 0);
    ask("if-match", etag, thing, OD_HTTP_ALL, 0, 0);
    ask("if-match", "\"other\"", thing, OD_HTTP_PRECONDITION, 0, 0);
    ask("if-modified-since", thing->modified.at, thing, OD_HTTP_NOT_MODIFIED, 0, 0);
}

static uint64_t take_number(const uint8_t **data, size_t *size)
{
    uint64_t number = 0;
    for (int i = 0; i < 5; i++)
        number = number << 8 | fuzz_choice(data, size);
    return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char modified[40];
    uint64_t all = take_number(&data, &size), first = take_number(&data, &size);
    uint64_t last = take_number(&data, &size), at_ms = take_number(&data, &size);
    od_http_put_date(modified, sizeof modified, (od_time_ms)at_ms);
    OD_ASSERT(strlen(modified) == 29 && strcmp(modified + 25, " GMT") == 0);
    struct od_http_thing thing = {OD_SLICE("\"a1-b2\""), od_slice_of(modified), all};
    char *copy = fuzz_copy(data, size);
    ask_as_stranger((od_slice){copy, size}, &thing);
    ask_for_parts(first, last, &thing);
    ask_again(&thing);
    free(copy);
    return 0;
}
