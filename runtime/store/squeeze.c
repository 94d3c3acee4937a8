#include "store/squeeze.h"

#include <string.h>

#include "base/cursor.h"
#include "store/limits.h"

#define HEAD_BYTES 4 // Where, and how many.

struct run {
    size_t at;
    size_t size;
};

static bool word_is_zero(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word == 0;
}

// The end of the zeros that begin at [at].
static size_t zeros_end(const char *page, size_t at)
{
    while (at + sizeof(uint64_t) <= OD_STORE_PAGE_BYTES && word_is_zero(page + at))
        at += sizeof(uint64_t);
    while (at < OD_STORE_PAGE_BYTES && page[at] == 0)
        at++;
    return at;
}

static struct run longest_zeros(const char *page)
{
    struct run best = {0, 0};
    size_t at = 0;
    while (at + best.size < OD_STORE_PAGE_BYTES) {
        const char *zero = memchr(page + at, 0, OD_STORE_PAGE_BYTES - at);
        if (zero == NULL)
            break;
        size_t begin = (size_t)(zero - page), end = zeros_end(page, begin);
        OD_ASSERT(end > begin);
        OD_ASSERT(end <= OD_STORE_PAGE_BYTES);
        if (end - begin > best.size)
            best = (struct run){begin, end - begin};
        at = end;
    }
    return best;
}

void od_squeeze(const char *page, struct od_bytes *squeezed)
{
    struct run zeros = longest_zeros(page);
    OD_ASSERT(zeros.at + zeros.size <= OD_STORE_PAGE_BYTES);
    size_t behind = zeros.at + zeros.size;
    od_bytes_clear(squeezed);
    if (zeros.size <= HEAD_BYTES) {
        od_bytes_put(squeezed, page, OD_STORE_PAGE_BYTES);
        return;
    }
    od_bytes_put_u16(squeezed, (uint16_t)zeros.at);
    od_bytes_put_u16(squeezed, (uint16_t)zeros.size);
    od_bytes_put(squeezed, page, zeros.at);
    od_bytes_put(squeezed, page + behind, OD_STORE_PAGE_BYTES - behind);
    OD_ASSERT(squeezed->size < OD_STORE_PAGE_BYTES); // A whole page is known by its size.
}

bool od_unsqueeze(od_slice squeezed, char *page)
{
    if (squeezed.size == OD_STORE_PAGE_BYTES) {
        memcpy(page, squeezed.at, squeezed.size);
        return true;
    }
    struct od_cursor cursor = od_cursor_of(squeezed);
    size_t at = od_cursor_u16(&cursor), size = od_cursor_u16(&cursor);
    if (cursor.failed || squeezed.size - HEAD_BYTES + size != OD_STORE_PAGE_BYTES ||
        at + size > OD_STORE_PAGE_BYTES)
        return false;
    const char *bytes = squeezed.at + HEAD_BYTES;
    memcpy(page, bytes, at);
    memset(page + at, 0, size);
    memcpy(page + at + size, bytes + at, OD_STORE_PAGE_BYTES - at - size);
    return true;
}
