// Numbers as text that reads back as exactly the same number, written as JavaScript does: without
// an exponent from 1e-6 to below 1e21. -0 stays -0.

#ifndef OD_VALUE_NUMBER_H
#define OD_VALUE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OD_NUMBER_BYTES_MAX 32 // What the functions below write at most.

// A number that is not NaN and not infinite.
size_t od_number_put(char *out, double number);
size_t od_number_put_signed(char *out, int64_t number);
size_t od_number_put_unsigned(char *out, uint64_t number);

// Whether [number] is a whole number that a double holds exactly (up to 2^53), but not -0.
bool od_number_is_whole(double number);

#endif
