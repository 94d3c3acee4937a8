// What a node says first: who it is, and a nonce by which the other proves that it knows the
// secret.
//
// Encoded: u32 version, str cluster, u32 id, u64 life, u32 workers, 32 bytes nonce.

#ifndef OD_NODE_HELLO_H
#define OD_NODE_HELLO_H

#include "base/bytes.h"
#include "base/error.h"

#define OD_NONCE_BYTES 32

struct od_hello {
    uint32_t version;
    od_slice cluster; // Its id.
    uint32_t id;      // Of the node.
    uint64_t life;    // Of its lives, the later the higher.
    uint32_t workers;
    od_slice nonce;
};

void od_hello_put(struct od_bytes *bytes, const struct od_hello *hello);

// Slices into [bytes]; false when it is no such thing.
OD_MUST_CHECK bool od_hello_read(od_slice bytes, struct od_hello *hello);

// Whether [other] may be linked with [own]. False, with words for a person.
OD_MUST_CHECK bool od_hello_fits(const struct od_hello *own, const struct od_hello *other,
                                 struct od_error *err);

#endif
