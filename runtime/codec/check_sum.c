#include "codec/check_sum.h"

#include <zlib.h>

uint32_t od_check_sum(od_slice bytes)
{
    return od_check_sum_more(0, bytes);
}

uint32_t od_check_sum_more(uint32_t sum, od_slice bytes)
{
    return (uint32_t)crc32_z(sum, (const unsigned char *)bytes.at, bytes.size);
}
