// A connection to a place outside, as a descriptor: the name is looked up, connected to, and with
// TLS begun, by libcurl and under the rules of every fetch (reach.h).
//
// A connection that is there can get TLS as well, where its protocol begins without.
//
// A plain one is a descriptor of its own, which libcurl has nothing to do with any more. With TLS
// it is the inner end of a tunnel (tunnel.h). Either way nobody after this need know.
//
// Process: worker. Owner: who started it, until [done] is called.

#ifndef OD_NET_CONNECT_H
#define OD_NET_CONNECT_H

#include "codec/url.h"
#include "net/reach.h"
#include "net/transfers.h"

enum od_connect_use {
    OD_CONNECT_HTTP,  // Which TLS is told.
    OD_CONNECT_PLAIN, // What is spoken is the owner's business.
};

struct od_connect {
    struct od_net *net;
    struct od_transfers transfers;
    struct od_reach reach;
    CURL *easy;
    CURLU *url;
    struct curl_slist *resolved; // What need not be looked up, or NULL.
    bool is_secure;
    void (*done)(void *owner, int fd, const struct od_error *why); // Takes [fd]; -1: [why] not.
    void *owner;
};

// To the host and port of [target], whose scheme is http, or https for TLS. NULL: not at all.
struct od_connect *od_connect_start(struct od_net *net, const struct od_url *target,
                                    enum od_connect_use use,
                                    void (*done)(void *owner, int fd, const struct od_error *why),
                                    void *owner, struct od_error *err);

// TLS over [fd], taken in any case, which is connected to [target], whose scheme is https.
struct od_connect *od_connect_secure(struct od_net *net, const struct od_url *target, int fd,
                                     void (*done)(void *owner, int fd, const struct od_error *why),
                                     void *owner, struct od_error *err);

void od_connect_free(struct od_connect *connect); // Gives up; [done] is not called any more.

#endif
