#include "base/slice.h"

#include <string.h>
#include <strings.h>

od_slice od_slice_of(const char *text)
{
    return (od_slice){text, text != NULL ? strlen(text) : 0};
}

inline bool od_slice_equal(od_slice a, od_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

inline bool od_slice_equal_nocase(od_slice a, od_slice b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.at, b.at, a.size) == 0);
}

bool od_slice_starts_with(od_slice whole, od_slice prefix)
{
    return whole.size >= prefix.size &&
           (prefix.size == 0 || memcmp(whole.at, prefix.at, prefix.size) == 0);
}

int od_slice_compare(od_slice a, od_slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.at, b.at, common);
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

od_slice od_slice_from(od_slice whole, size_t from)
{
    if (from >= whole.size)
        return (od_slice){NULL, 0};
    return (od_slice){whole.at + from, whole.size - from};
}

uint64_t od_slice_hash(od_slice bytes)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ (unsigned char)bytes.at[i]) * 1099511628211u;
    return hash;
}

static bool is_in(char byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

od_slice od_slice_trim(od_slice text, const char *blanks)
{
    while (text.size > 0 && is_in(text.at[0], blanks))
        text = od_slice_from(text, 1);
    while (text.size > 0 && is_in(text.at[text.size - 1], blanks))
        text.size--;
    return text;
}
