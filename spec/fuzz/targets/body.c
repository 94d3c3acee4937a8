// A request body, by length or in chunks: in pieces and in one it is the same.

#include "fuzz.h"

#include "codec/http_body.h"

enum {
    bytes_max = 10000
};

static enum od_http_outcome decode(const uint8_t *data, size_t size, size_t step,
                                   const struct od_http_head *head, struct od_bytes *out,
                                   size_t *taken)
{
    struct od_http_body body;
    od_http_body_init(&body, head, bytes_max);
    enum od_http_outcome outcome = OD_HTTP_MORE;
    for (size_t at = 0; outcome == OD_HTTP_MORE && (at < size || at == 0); at += step) {
        size_t count = size - at < step ? size - at : step, consumed = 0;
        char *copy = fuzz_copy(data + at, count);
        outcome = od_http_body_decode(&body, (od_slice){copy, count}, &consumed, out);
        OD_ASSERT(consumed <= count);
        OD_ASSERT(outcome != OD_HTTP_MORE || consumed == count);
        free(copy);
        *taken = at + consumed;
    }
    OD_ASSERT(out->size <= bytes_max);
    OD_ASSERT(outcome == OD_HTTP_BAD || out->size == body.size);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t kind = fuzz_choice(&data, &size);
    size_t step = (size_t)fuzz_choice(&data, &size) + 1, taken = 0, taken_again = 0;
    struct od_http_head head = {.is_chunked = kind % 2 == 0, .content_length = kind % 2 * kind};
    struct od_bytes whole = {0}, pieces = {0};
    enum od_http_outcome outcome = decode(data, size, size > 0 ? size : 1, &head, &whole, &taken);
    enum od_http_outcome again = decode(data, size, step, &head, &pieces, &taken_again);
    OD_ASSERT(again == outcome);
    if (outcome != OD_HTTP_BAD) {
        OD_ASSERT(taken == taken_again);
        OD_ASSERT(od_slice_equal(od_bytes_slice(&whole), od_bytes_slice(&pieces)));
    }
    od_bytes_deinit(&whole);
    od_bytes_deinit(&pieces);
    return 0;
}
