// Bytes that belong to somebody else: a place and a length, borrowed for the call.

#ifndef OD_BASE_SLICE_H
#define OD_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct od_slice {
    const char *at; // May be NULL only when [size] is 0.
    size_t size;
} od_slice;

// The bytes of a literal, without its terminating zero.
#define OD_SLICE(literal) ((od_slice){literal, sizeof(literal) - 1})

od_slice od_slice_of(const char *text); // A C string; NULL gives the empty slice.
bool od_slice_equal(od_slice a, od_slice b);
bool od_slice_equal_nocase(od_slice a, od_slice b); // ASCII only, as header names are compared.
bool od_slice_starts_with(od_slice whole, od_slice prefix);

// Order of unsigned bytes, a prefix before what it begins: <0, 0 or >0.
int od_slice_compare(od_slice a, od_slice b);

// [from] on to the end; empty when [from] is past it.
od_slice od_slice_from(od_slice whole, size_t from);

// Without the bytes of [blanks], a C string, at both ends. What is blank differs by format.
od_slice od_slice_trim(od_slice text, const char *blanks);

// A hash for tables in memory (FNV-1a); not stable between versions, never stored.
uint64_t od_slice_hash(od_slice bytes);

#endif
