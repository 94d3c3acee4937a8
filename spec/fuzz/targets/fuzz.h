// What the fuzz targets share: the entry that libFuzzer calls, and a way to cut an input in two.
//
// Each target is one file, one codec, and checks more than that nothing crashes: bytes that come in
// pieces must mean what they mean in one, and what was written must be read back as it was.

#ifndef OD_FUZZ_H
#define OD_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A copy of its own, so that a read beyond it is seen. The caller frees it.
static inline char *fuzz_copy(const void *at, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    OD_ASSERT(copy != NULL);
    if (size > 0)
        memcpy(copy, at, size);
    return copy;
}

// The same with a zero behind it, as strings of Lua have one.
static inline char *fuzz_text(const void *at, size_t size)
{
    char *copy = malloc(size + 1);
    OD_ASSERT(copy != NULL);
    if (size > 0)
        memcpy(copy, at, size);
    copy[size] = '\0';
    return copy;
}

// Takes the first byte of the input as a choice; 0 when there is none.
static inline uint8_t fuzz_choice(const uint8_t **data, size_t *size)
{
    if (*size == 0)
        return 0;
    --*size;
    return *(*data)++;
}

#endif
