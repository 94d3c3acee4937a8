// What of a thing a client wants: ranges of it, or nothing if he has it already (RFC 9110, 13, 14).

#ifndef OD_CODEC_HTTP_CONDITIONS_H
#define OD_CODEC_HTTP_CONDITIONS_H

#include <stdint.h>

#include "base/slice.h"
#include "link/headers.h"

struct od_http_thing { // How it is now.
    od_slice etag;     // A strong one, with its quotes.
    od_slice modified; // A date of HTTP.
    uint64_t size;
};

enum od_http_wish {
    OD_HTTP_ALL,
    OD_HTTP_PART,         // [first] and [size] say which.
    OD_HTTP_NOT_MODIFIED, // 304.
    OD_HTTP_NOT_THERE,    // 416.
    OD_HTTP_PRECONDITION, // 412.
};

// Of several ranges nobody gets any: all is an answer that is always right.
enum od_http_wish od_http_wish_of(struct od_headers request, const struct od_http_thing *thing,
                                  uint64_t *first, uint64_t *size);

// Whether the client takes the coding [name] ("br") for what he has not asked in ranges.
bool od_http_accepts_coding(struct od_headers request, od_slice name);

#endif
