// What main answers itself, to clients of a door where TLS is spoken beside plain HTTP.
//
// Who asks without TLS is sent to https when --tls-redirect says so; a proxy in front that is
// trusted and has spoken TLS with its client is not. And an authority that certifies a name for us
// (main/processes/acme.h) asks for a token that only who answers under that name can know.
//
// Process: main. Pure but for the file of a token.

#ifndef OD_MAIN_DOOR_PLAIN_H
#define OD_MAIN_DOOR_PLAIN_H

#include "base/bytes.h"
#include "codec/http_head.h"
#include "link/options.h"

struct od_plain_question {
    const struct od_options *options;
    uint16_t tls_port; // 0: TLS is not spoken.
    bool is_tls;       // Here it is.
    od_slice peer;
    const struct od_http_head *head;
};

// Appends the whole answer to [question], behind which the connection ends. False: it is for a
// worker.
OD_MUST_CHECK bool od_plain_answer(const struct od_plain_question *question,
                                   struct od_bytes *answer);

#endif
