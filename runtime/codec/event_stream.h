// Server-sent events as they are written: the frames of an event stream (HTML standard, 9.2).
//
// An event is some lines and a blank one; a line that begins with a colon says nothing, and keeps a
// connection alive. No line of a text can be taken for another field, whatever is in it.
//
// Owner: appends to the caller's buffer.

#ifndef OD_CODEC_EVENT_STREAM_H
#define OD_CODEC_EVENT_STREAM_H

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "link/response.h"

struct od_event_frame {
    od_slice data;
    od_slice event; // Empty: "message". One line, as
    od_slice id;    // this is, which has no NUL either. [has_id]
    bool has_id;
    uint32_t retry_ms; // In how long a client comes back that lost the connection; 0: as he likes.
    bool has_data;     // Without it, it is no event: [retry_ms] alone.
};

void od_event_frame_put(struct od_bytes *out, const struct od_event_frame *frame);
void od_event_frame_put_comment(struct od_bytes *out); // An empty one.

// Whether it can be a name or an id.
bool od_event_frame_is_line(od_slice text);

// The head of the answer that such a stream is. It has no length and no chunks: the connection ends
// with it.
OD_MUST_CHECK bool od_event_stream_put_head(struct od_bytes *out,
                                            const struct od_response *response, od_time_ms now_ms,
                                            struct od_error *err);

#endif
