// What a trusted proxy says of a request that it has passed on: for whom it is, in the header
// X-Forwarded-For, and whether it came by https, in X-Forwarded-Proto or Forwarded.
//
// Each proxy adds, at the end, who has asked it. So the list is believed from its end on, as long
// as those who wrote it are trusted; the first who is not, is the client. What stands before may
// have been written by the client itself and counts for nothing.

#ifndef OD_CODEC_FORWARDED_H
#define OD_CODEC_FORWARDED_H

#include "codec/http_head.h"
#include "link/networks.h"

// [peer] is who the connection is from; it is the answer when it is not trusted, or says nothing.
// The answer may point into [text].
od_slice od_forwarded_peer(const struct od_http_head *head, const struct od_networks *trusted,
                           od_slice peer, char text[INET6_ADDRSTRLEN]);

// Of a list of protocols only the last counts: it is that of the proxy which is trusted.
bool od_forwarded_is_https(const struct od_http_head *head, const struct od_networks *trusted,
                           od_slice peer);

#endif
