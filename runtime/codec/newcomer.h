// A connection on its way from a door to the process that serves it: the body of
// OD_KIND_CONNECTION, beside which its descriptor rides.
//
// The door has read the head of the first request, to know whose it is. With the bytes goes where
// the lines of that head stand, so that nobody looks at each of them a second time.
//
// Process: main puts it; workers and the admin process read it, and trust it.

#ifndef OD_CODEC_NEWCOMER_H
#define OD_CODEC_NEWCOMER_H

#include "codec/http_head.h"

struct od_newcomer {
    uint32_t place; // On the page of the worker, or OD_PAGE_NO_PLACE (link/worker_page.h).
    od_slice tls;   // As of its requests (link/request.h).
    od_slice peer;  // The client's address, as requests tell it.
    struct od_head_lines lines;
    od_slice bytes; // Read so far.
};

void od_newcomer_put(const struct od_newcomer *newcomer, struct od_bytes *out);
struct od_newcomer od_newcomer_read(od_slice body); // Slices of [body].

#endif
