// The secret of a cluster, and the proof of knowing it.
//
// The proof is an HMAC over all that both sides have said, their nonces among it, and over who has
// dialled: it holds for this one connection and this one direction. The secret itself never leaves.

#ifndef OD_NODE_PROOF_H
#define OD_NODE_PROOF_H

#include "base/bytes.h"
#include "base/error.h"
#include "tls/veil.h"

#define OD_PROOF_BYTES 32

// The file's bytes, without blanks at its ends.
OD_MUST_CHECK bool od_secret_read(const char *path, struct od_bytes *secret, struct od_error *err);

// The key of the veil (tls/veil.h) over what nodes say to each other.
void od_secret_key(od_slice secret, uint8_t key[OD_VEIL_KEY_BYTES]);

// Of the side that has dialled, or of the other; [dialler] and [other] are what these have said.
void od_proof_make(od_slice secret, bool is_dialler, od_slice dialler, od_slice other,
                   uint8_t proof[OD_PROOF_BYTES]);

// Whether [said] is [proof], in a time that tells nothing.
bool od_proof_is(od_slice said, const uint8_t proof[OD_PROOF_BYTES]);

#endif
