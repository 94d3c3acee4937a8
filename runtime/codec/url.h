// URLs with a host, read as browsers read them (the WHATWG URL standard): the only parser of URLs.
//
// A script that checks where a URL leads and the client that goes there must read it alike, or the
// check is worth nothing: "/\evil.example" on a page is another host for every browser, and RFC
// 3986 says it is a path. So od.url.parse, od.Request, od.fetch and its redirects all ask here, and
// libcurl gets the parts, never the text.
//
// What is read comes out in one form: letters of scheme and host small, a usual port left out, dots
// in paths followed, an address of IPv4 in four decimals however it was written, bytes that cannot
// stand in a URL as %XX. Not done: names beyond ASCII, which need tables of Unicode; they are
// refused and can be given in their form "xn--". URLs without a host ("mailto:") are none here.
//
// Thread: any. Owner: the caller, of struct od_url; deinit also after a failure.

#ifndef OD_CODEC_URL_H
#define OD_CODEC_URL_H

#include "base/bytes.h"
#include "base/error.h"

struct od_url {
    struct od_bytes scheme; // "https"
    struct od_bytes username;
    struct od_bytes password;
    struct od_bytes host;     // "example.org", "[::1]"
    struct od_bytes port;     // "8080"; empty: the usual one
    struct od_bytes path;     // "/a/b"
    struct od_bytes query;    // "?a=1"; empty: none
    struct od_bytes fragment; // "#top"; empty: none
};

// [url] is zeroed. [base], which may be NULL, is what a relative URL is relative to.
OD_MUST_CHECK bool od_url_parse(struct od_url *url, od_slice text, const struct od_url *base,
                                struct od_error *err);
void od_url_deinit(struct od_url *url);

#endif
