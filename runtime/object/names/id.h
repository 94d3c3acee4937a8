// The identity of an object: 32 bytes, shown as 64 hex digits.
//
// The layout is Cloudflare's: 16 bytes of base and 16 bytes that prove the base was made for this
// namespace. The base is random (a unique id) or derived from a name; so equal names give equal ids
// and an id of another namespace is noticed without a look-up. The key of a namespace is derived
// from its name alone: ids are the same on every machine and after every restart.
//
// Source: workerd, src/workerd/server/actor-id-impl.c++ (behaviour).

#ifndef OD_OBJECT_NAMES_ID_H
#define OD_OBJECT_NAMES_ID_H

#include "base/check.h"
#include "base/slice.h"
#include "store/slot.h"

#define OD_ID_TEXT_BYTES 64

typedef struct od_id {
    uint8_t bytes[OD_ID_BYTES];
} od_id;

// SHA-256 after a block of the key, as HMAC begins inside and outside: each MAC goes on from there.
typedef struct od_namespace_key {
    uint32_t inside[8], outside[8];
} od_namespace_key;

od_namespace_key od_namespace_key_of(od_slice namespace_name);

od_id od_id_of_name(const od_namespace_key *key, od_slice name); // Any name, also the empty one.
od_id od_id_unique(const od_namespace_key *key);                 // From the system's random bytes.

enum od_id_parse {
    OD_ID_OK,
    OD_ID_MALFORMED, // Not 64 hex digits. Upper case is accepted.
    OD_ID_FOREIGN,   // Well-formed, but not made for this namespace.
};
OD_MUST_CHECK enum od_id_parse od_id_parse(const od_namespace_key *key, od_slice text, od_id *id);

void od_id_format(const od_id *id, char text[OD_ID_TEXT_BYTES + 1]); // Lower case, with a zero.

// Of the id of that name, for who needs no more of it: in half the time.
od_slot od_id_slot_of_name(const od_namespace_key *key, od_slice name);

bool od_id_equal(const od_id *a, const od_id *b);
uint64_t od_id_hash(const od_id *id);

#endif
