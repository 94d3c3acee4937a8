// Compression: anything may come to be inflated, and what we deflate comes back as it was.

#include "fuzz.h"

#include "codec/deflate.h"

enum {
    bytes_max = 200000
};

static struct od_deflate *codec;

static void inflate_anything(od_slice payload)
{
    struct od_bytes out = {0};
    enum od_inflate_outcome outcome = od_inflate_message(codec, payload, bytes_max, &out);
    OD_ASSERT(outcome != OD_INFLATE_DONE || out.size <= bytes_max);
    od_bytes_deinit(&out);
}

static void there_and_back(od_slice message)
{
    struct od_bytes small = {0}, again = {0};
    od_deflate_message(codec, message, &small);
    enum od_inflate_outcome outcome =
        od_inflate_message(codec, od_bytes_slice(&small), bytes_max, &again);
    OD_ASSERT(outcome == OD_INFLATE_DONE);
    OD_ASSERT(od_slice_equal(od_bytes_slice(&again), message));
    od_bytes_deinit(&small);
    od_bytes_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (codec == NULL)
        codec = od_deflate_new();
    char *copy = fuzz_copy(data, size);
    inflate_anything((od_slice){copy, size});
    there_and_back((od_slice){copy, size});
    free(copy);
    return 0;
}
