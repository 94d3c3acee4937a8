#include "codec/check_sum.h"

#include <zlib.h>

uint32_t od_check_sum(od_slice bytes)
{
    return (uint32_t)crc32_z(0, (const unsigned char *)bytes.at, bytes.size);
}
