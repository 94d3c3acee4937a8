#include "value/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_MAX 9007199254740992.0 // 2^53
#define DECIMALS_MAX 8

bool od_number_is_whole(double number)
{
    if (!(number >= -WHOLE_MAX && number <= WHOLE_MAX))
        return false;
    return (double)(int64_t)number == number && !(number == 0 && signbit(number));
}

static size_t count_digits(uint64_t number)
{
    size_t count = 1;
    for (; number >= 10; number /= 10)
        count++;
    return count;
}

size_t od_number_put_unsigned(char *out, uint64_t number)
{
    size_t size = count_digits(number);
    for (size_t i = size; i > 0; i--) {
        out[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return size;
}

size_t od_number_put_signed(char *out, int64_t number)
{
    if (number >= 0)
        return od_number_put_unsigned(out, (uint64_t)number);
    out[0] = '-';
    return 1 + od_number_put_unsigned(out + 1, 0 - (uint64_t)number);
}

// 1234 with 2 decimals is "12.34".
static size_t put_decimal(char *out, uint64_t digits, size_t decimals, uint64_t power)
{
    size_t size = od_number_put_unsigned(out, digits / power);
    out[size++] = '.';
    uint64_t fraction = digits % power;
    size_t zeros = decimals - count_digits(fraction);
    memset(out + size, '0', zeros);
    size += zeros;
    return size + od_number_put_unsigned(out + size, fraction);
}

// Most numbers that are not whole have a few decimals: 3.25 is 325 / 100. A division of two exact
// doubles is rounded as reading "3.25" is, so when it gives the number back, so does the text. It
// is ten times as fast as printf; 0 when it does not apply.
static size_t put_few_decimals(char *out, double number)
{
    double size_of_it = fabs(number);
    if (!(size_of_it >= 1e-3 && size_of_it < 1e6))
        return 0;
    double power = 1;
    for (size_t decimals = 1; decimals <= DECIMALS_MAX; decimals++) {
        power *= 10;
        double digits = nearbyint(size_of_it * power);
        if (digits / power != size_of_it)
            continue;
        bool is_negative = number < 0;
        out[0] = '-';
        return is_negative +
               put_decimal(out + is_negative, (uint64_t)digits, decimals, (uint64_t)power);
    }
    return 0;
}

// The program never calls setlocale, so printf and strtod use a point.
size_t od_number_put(char *out, double number)
{
    if (od_number_is_whole(number))
        return od_number_put_signed(out, (int64_t)number);
    size_t size = put_few_decimals(out, number);
    for (int digits = 15; size == 0; digits++) {
        int written = snprintf(out, OD_NUMBER_BYTES_MAX, "%.*g", digits, number);
        if (digits == 17 || strtod(out, NULL) == number)
            size = (size_t)written;
    }
    return size;
}
