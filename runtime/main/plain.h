// What main answers itself, to clients of a door where TLS is spoken beside plain HTTP.
//
// Who asks without TLS is sent to https when --tls-redirect says so; a proxy in front that is
// trusted and has spoken TLS with its client is not. And an authority that certifies a name for us
// (acme.h) asks for a token that only who answers under that name can know.
//
// Process: main. Pure but for the file of a token.

#ifndef OD_MAIN_PLAIN_H
#define OD_MAIN_PLAIN_H

#include "base/bytes.h"
#include "main/arrival.h"

// Appends the whole answer to the request of [arrival], behind which the connection ends. False: it
// is for a worker.
OD_MUST_CHECK bool od_plain_answer(const struct od_arrival *arrival, struct od_bytes *answer);

#endif
