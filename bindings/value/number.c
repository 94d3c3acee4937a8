#include "value/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define WHOLE_MAX 9007199254740992.0 // 2^53
#define DECIMALS_MAX 8
#define WHOLE_DIGITS_MAX 21

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
    OD_ASSERT(size <= 20); // Of 64 bits.
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
    OD_ASSERT(decimals >= count_digits(fraction));
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

// The shortest of 15, 16 or 17 digits that read back as [number], as "-d.ddde+dd": all that printf
// can say of a number, before it is laid out. Numbers below the normal ones have fewer digits.
// The program never calls setlocale, so printf and strtod use a point.
static void put_digits(char *out, double number)
{
    int least = fabs(number) < DBL_MIN ? 1 : DBL_DIG;
    for (int digits = least; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(out, OD_NUMBER_BYTES_MAX, "%.*e", digits - 1, number);
        if (strtod(out, NULL) == number)
            return;
    }
}

// "-d.ddd000e+dd" as its digits without the point and zeros at the end; returns how many.
static size_t take_digits(const char *text, char *digits, int *exponent)
{
    size_t size = 0;
    for (; *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9')
            digits[size++] = *text;
    }
    while (size > 1 && digits[size - 1] == '0')
        size--;
    *exponent = (int)strtol(text + 1, NULL, 10);
    return size;
}

static size_t put_zeros(char *out, size_t count)
{
    memset(out, '0', count);
    return count;
}

// As JavaScript lays numbers out [ECMA-262, Number::toString]: no exponent from 1e-6 to below 1e21.
static size_t lay_out(char *out, const char *digits, size_t size, int exponent)
{
    OD_ASSERT(size >= 1);
    OD_ASSERT(size <= DBL_DECIMAL_DIG);
    size_t used = 0;
    size_t whole = exponent < 0 ? 0 : (size_t)exponent + 1; // Digits in front of the point.
    if (exponent >= WHOLE_DIGITS_MAX || exponent < -6) {
        out[used++] = digits[0];
        if (size > 1)
            out[used++] = '.';
        // NOLINTNEXTLINE(bugprone-not-null-terminated-result): no C string.
        memcpy(out + used, digits + 1, size - 1);
        used += size - 1;
        return used + (size_t)sprintf(out + used, "e%+d", exponent);
    }
    if (exponent < 0) {
        used = 2 + put_zeros(out + 2, (size_t)-exponent - 1);
        // NOLINTNEXTLINE(bugprone-not-null-terminated-result): no C string.
        memcpy(out, "0.", 2);
    }
    size_t front = whole < size ? whole : size;
    memcpy(out + used, digits, front);
    used += front;
    used += put_zeros(out + used, whole - front);
    if (whole > 0 && size > whole)
        out[used++] = '.';
    // NOLINTNEXTLINE(bugprone-not-null-terminated-result): no C string.
    memcpy(out + used, digits + front, size - front);
    return used + size - front;
}

size_t od_number_put(char *out, double number)
{
    if (od_number_is_whole(number))
        return od_number_put_signed(out, (int64_t)number);
    size_t size = number == 0 ? 0 : put_few_decimals(out, number);
    if (size > 0)
        return size;
    char text[OD_NUMBER_BYTES_MAX], digits[OD_NUMBER_BYTES_MAX] = {0};
    int exponent = 0;
    put_digits(text, number);
    bool is_negative = text[0] == '-';
    out[0] = '-';
    size = take_digits(text, digits, &exponent);
    return is_negative + lay_out(out + is_negative, digits, size, exponent);
}
