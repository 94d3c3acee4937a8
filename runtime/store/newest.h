// Of the writes that wait for LMDB, which is the newest of its key: the others need not be made.
//
// A counter that is stored with every message is written a thousand times in the time in which one
// transaction gathers, and LMDB has to walk to it and copy it once. The alternative, to keep only
// what is newest, would have to take it back when a group could not be stored; this is noted when
// it is.
//
// Numbers are given by the order of writes (write.h): a write that gives one to its object gives it
// also when it is left out, and what lies in chains (keys.h), which have numbers too, is always
// written. So the same writes lead to the very same rows, however many of them one transaction
// takes.
//
// Process: main. Thread: that of its owner, a gathering. Keys are borrowed from what waits.

#ifndef OD_STORE_NEWEST_H
#define OD_STORE_NEWEST_H

#include "base/map.h"
#include "base/slab.h"
#include "store/batch.h"

struct od_newest {
    struct od_map map; // The last write of each key, and the objects.
    struct od_slab entries;
    struct od_bytes uses; // Of each operation that was noted, in a byte.
    size_t writes;        // Operations that are to be made.
};

enum od_newest_use {
    OD_NEWEST_WRITE,
    OD_NEWEST_NUMBER, // Gives its object a number, if it has none; more is not to be done.
    OD_NEWEST_NONE,
};

void od_newest_init(struct od_newest *newest);
void od_newest_deinit(struct od_newest *newest);

// Behind all that was noted before. The bytes of its key stay until od_newest_clear.
void od_newest_note(struct od_newest *newest, const uint8_t id[OD_ID_BYTES],
                    const struct od_operation *operation);
void od_newest_clear(struct od_newest *newest);

// What is to be done with an operation, by how many were noted before it.
enum od_newest_use od_newest_use(const struct od_newest *newest, uint64_t place);

// Whether an operation that goes where [operation] goes was noted.
bool od_newest_has(const struct od_newest *newest, const uint8_t id[OD_ID_BYTES],
                   const struct od_operation *operation);

#endif
