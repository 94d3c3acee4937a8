#include "cluster/array.h"

#include <endian.h>
#include <string.h>

enum {
    dimensions_at = 0,
    count_at = 12,
    head_bytes = 20,
};

static void put_u32(struct od_bytes *bytes, uint32_t value)
{
    uint32_t big = htobe32(value);
    od_bytes_put(bytes, &big, sizeof big);
}

void od_array_init(struct od_array *array, enum od_array_of of)
{
    *array = (struct od_array){.count = 0};
    put_u32(&array->bytes, 1); // Dimensions,
    put_u32(&array->bytes, 0); // nothing is NULL,
    put_u32(&array->bytes, of);
    put_u32(&array->bytes, 0); // elements: set at the end,
    put_u32(&array->bytes, 1); // counted from here.
    OD_ASSERT(array->bytes.size == head_bytes);
}

void od_array_deinit(struct od_array *array)
{
    od_bytes_deinit(&array->bytes);
}

void od_array_put_bytes(struct od_array *array, od_slice bytes)
{
    OD_ASSERT(bytes.size <= INT32_MAX);
    array->count++;
    put_u32(&array->bytes, (uint32_t)bytes.size);
    od_bytes_put_slice(&array->bytes, bytes);
}

void od_array_put_int4(struct od_array *array, uint32_t value)
{
    uint32_t big = htobe32(value);
    od_array_put_bytes(array, (od_slice){(const char *)&big, sizeof big});
}

void od_array_put_int8(struct od_array *array, uint64_t value)
{
    uint64_t big = htobe64(value);
    od_array_put_bytes(array, (od_slice){(const char *)&big, sizeof big});
}

// One without elements has no dimensions, and ends there.
od_slice od_array_finish(struct od_array *array)
{
    uint32_t dimensions = htobe32(array->count > 0), count = htobe32(array->count);
    OD_ASSERT(array->bytes.size >= head_bytes);
    memcpy(array->bytes.at + dimensions_at, &dimensions, sizeof dimensions);
    memcpy(array->bytes.at + count_at, &count, sizeof count);
    od_slice whole = od_bytes_slice(&array->bytes);
    return array->count > 0 ? whole : (od_slice){whole.at, count_at};
}
