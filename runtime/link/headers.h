// HTTP header fields as they travel: pairs of strings, names in lower case, in the order received.
//
// Encoded: u32 count, then (str name, str value)*. Repeated names are repeated pairs.

#ifndef OD_LINK_HEADERS_H
#define OD_LINK_HEADERS_H

#include "base/bytes.h"
#include "base/check.h"
#include "base/cursor.h"

struct od_header {
    od_slice name;
    od_slice value;
};

// Walks encoded headers. [cursor] stands behind the count after od_headers_read.
struct od_headers {
    struct od_cursor cursor;
    uint32_t left;
};

void od_headers_put(struct od_bytes *bytes, od_slice name,
                    od_slice value); // One pair; not the count.
bool od_headers_next(struct od_headers *headers, struct od_header *header); // False at the end.

// The first value of [name] (lower case); false when there is none. [headers] is not moved.
bool od_headers_find(struct od_headers headers, od_slice name, od_slice *value);

// Reads count and pairs, moving [cursor] behind them; the walk starts at the first pair.
struct od_headers od_headers_read(struct od_cursor *cursor);

#endif
