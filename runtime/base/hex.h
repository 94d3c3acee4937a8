// Hexadecimal digits and their values.

#ifndef OD_BASE_HEX_H
#define OD_BASE_HEX_H

#include "base/slice.h"

int od_hex_value(char digit);    // 0 to 15 for a digit of either case, -1 for any other byte.
int od_hex_pair(const char *at); // The byte of the two digits at [at], -1 when one is none.

// Writes two digits in lower case for each byte, without a zero behind them.
void od_hex_put(char *out, od_slice bytes);

#endif
