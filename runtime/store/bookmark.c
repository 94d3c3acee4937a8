#include "store/bookmark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/check_sum.h"

enum {
    TIME_DIGITS = 12,
    GROUP_AT = TIME_DIGITS + 1,
    SUM_AT = GROUP_AT + 16 + 1,
};

void od_bookmark_put(char text[OD_BOOKMARK_BYTES], const struct od_journal_mark *mark,
                     const uint8_t id[OD_ID_BYTES])
{
    OD_ASSERT(mark->moment.time_ms >= 0);
    OD_ASSERT(mark->moment.time_ms <= OD_BOOKMARK_MS_MAX);
    int size = snprintf(text, OD_BOOKMARK_BYTES, "%0*llx-%016llx-", TIME_DIGITS,
                        (unsigned long long)mark->moment.time_ms,
                        (unsigned long long)mark->moment.sequence);
    OD_ASSERT(size == SUM_AT);
    uint32_t sum = od_check_sum((od_slice){text, SUM_AT});
    sum = od_check_sum_more(sum, (od_slice){(const char *)mark->id, sizeof mark->id});
    sum = od_check_sum_more(sum, (od_slice){(const char *)id, OD_ID_BYTES});
    snprintf(text + SUM_AT, OD_BOOKMARK_BYTES - SUM_AT, "%08x", sum);
}

// What is not as it would be written is none.
bool od_bookmark_read(struct od_journal_mark *mark, const uint8_t id[OD_ID_BYTES], od_slice text)
{
    char copy[OD_BOOKMARK_BYTES], expected[OD_BOOKMARK_BYTES];
    if (text.size != sizeof copy - 1)
        return false;
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    copy[TIME_DIGITS] = copy[SUM_AT - 1] = '\0';
    mark->moment.time_ms = (od_time_ms)strtoull(copy, NULL, 16);
    mark->moment.sequence = strtoull(copy + GROUP_AT, NULL, 16);
    if (mark->moment.time_ms < 0 || mark->moment.time_ms > OD_BOOKMARK_MS_MAX)
        return false;
    od_bookmark_put(expected, mark, id);
    return memcmp(expected, text.at, text.size) == 0;
}
