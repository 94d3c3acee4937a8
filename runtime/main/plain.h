// What main answers itself, to clients of a door where TLS is spoken beside plain HTTP.
//
// Who asks without TLS is sent to https when --tls-redirect says so; a proxy in front that is
// trusted and has spoken TLS with its client is not. And an authority that certifies a name for us
// (acme.h) asks for a token that only who answers under that name can know.
//
// Process: main. Pure but for the file of a token.

#ifndef OD_MAIN_PLAIN_H
#define OD_MAIN_PLAIN_H

#include "codec/http_head.h"
#include "link/options.h"

struct od_plain_request {
    const struct od_options *options;
    const struct od_http_head *head;
    od_slice peer;
    uint16_t tls_port; // Where TLS is spoken beside; 0: nowhere.
    bool is_tls;
};

// Appends the whole answer, behind which the connection ends. False: the request is for a worker.
OD_MUST_CHECK bool od_plain_answer(const struct od_plain_request *request, struct od_bytes *answer);

#endif
