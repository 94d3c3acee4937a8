// For whom a request is, when a trusted proxy has passed it on: the header X-Forwarded-For.
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

#endif
