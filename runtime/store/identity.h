// Who an object is: its id, its namespace and, when it was found by a name, that name.
//
// It travels at the head of every batch, and the directory keeps it from the object's first write
// on. So an object that wakes knows its name again.
//
// Owner: the slices are borrowed from whoever filled the struct.

#ifndef OD_STORE_IDENTITY_H
#define OD_STORE_IDENTITY_H

#include "base/bytes.h"
#include "base/cursor.h"
#include "store/slot.h"

struct od_identity {
    uint8_t id[OD_ID_BYTES];
    bool has_name;  // False for an id that was not made from a name.
    od_slice space; // The namespace.
    od_slice name;  // May be empty also when there is one.
};

// Encoded: id 32 bytes, str namespace, u8 has a name, str name.
void od_identity_put(struct od_bytes *bytes, const struct od_identity *identity);

// Slices point into the cursor's bytes; wrong bytes or lengths over the limits fail the cursor.
void od_identity_read(struct od_cursor *cursor, struct od_identity *identity);

#endif
