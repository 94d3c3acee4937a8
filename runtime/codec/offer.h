// The offers of a Sec-WebSocket-Extensions header, and which of them we take (RFC 7692, section
// 7).
//
// A client lists ways of compression in the order of its liking: "permessage-deflate;
// client_max_window_bits, permessage-deflate". We take the first that we can keep. An offer with a
// parameter that is unknown, repeated or out of range is passed over, as the RFC wants it; so are
// offers of extensions that we do not know. A header that is not well-formed offers nothing.
//
// Thread: any.

#ifndef OD_CODEC_OFFER_H
#define OD_CODEC_OFFER_H

#include "base/bytes.h"

struct od_offer {
    uint8_t window_bits; // What we may compress with: 8 to 15; 0: nothing was taken.
    bool names_window;   // The client asked for that window, so the answer must name it.
};

struct od_offer od_offer_choose(od_slice extensions); // The value of one header.

// The value of the answer's header. Not for an offer that was not taken.
void od_offer_put_answer(struct od_offer offer, struct od_bytes *out);

// The answer to an offer of ours, which named no windows. False: it takes something else. Whether
// the server keeps no context is said in [keeps_no_context].
OD_MUST_CHECK bool od_offer_read_answer(od_slice extensions, bool *keeps_no_context);

#endif
