#include "base/hex.h"

int od_hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int od_hex_pair(const char *at)
{
    int high = od_hex_value(at[0]), low = od_hex_value(at[1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

void od_hex_put(char *out, od_slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
}
