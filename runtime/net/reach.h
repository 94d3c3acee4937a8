// How places outside are reached, the same for a request and for a connection that stays: which
// addresses are allowed, whom TLS believes, and what is said when it does not come about.
//
// Process: worker. Only for fetch*.c and connect.c.

#ifndef OD_NET_REACH_H
#define OD_NET_REACH_H

#include "codec/url.h"
#include "net/curl.h"

struct od_reach {           // Of one attempt; it must live as long as its easy handle.
    bool is_inside_denied;  // No private address.
    bool is_inside_refused; // The last address was of the inside.
    bool has_own;           // It goes over a connection that is there already:
    int own;                // this, until libcurl has it; then -1.
    char why[CURL_ERROR_SIZE];
};

// Tells [easy], which was reset, all but where to.
void od_reach_prepare(struct od_reach *reach, bool is_inside_denied, CURL *easy);

// [easy] speaks over [fd], which is connected. It is libcurl's once that has asked for it.
void od_reach_use(struct od_reach *reach, CURL *easy, int fd);

// libcurl does not read URLs: it is told the parts. One that it refuses, such as a host with a
// character of its own taste, leaves an empty URL, and the attempt fails: what is not said is not
// guessed. The caller's, for curl_url_cleanup.
CURLU *od_reach_url(const struct od_url *target);

// Why [code] came.
void od_reach_explain(const struct od_reach *reach, CURL *easy, CURLcode code,
                      struct od_error *err);

#endif
