// A check sum that finds what disks and cuts do to bytes: CRC-32, as zlib computes it.

#ifndef OD_CODEC_CHECK_SUM_H
#define OD_CODEC_CHECK_SUM_H

#include "base/slice.h"

uint32_t od_check_sum(od_slice bytes);
uint32_t od_check_sum_more(uint32_t sum, od_slice bytes); // Of what came before and these.

#endif
