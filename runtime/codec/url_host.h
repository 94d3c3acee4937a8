// The host of a URL: a name, an address of IPv4 in any of its old spellings, or one of IPv6.
//
// "0x7f.1", "2130706433" and "%3127.0.0.1" are all 127.0.0.1, to browsers as to the system's
// resolver, so they are written as that before anybody compares.
//
// Thread: any. For url.c.

#ifndef OD_CODEC_URL_HOST_H
#define OD_CODEC_URL_HOST_H

#include "base/bytes.h"

// Puts the host that [text] means. [is_special]: of the web, "http" and its like; hosts of other
// schemes are kept as they are written. False: it is none.
bool od_url_put_host(struct od_bytes *out, od_slice text, bool is_special);

#endif
