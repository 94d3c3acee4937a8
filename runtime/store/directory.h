// The directory: which object has which number, and what its namespace and name are.
//
// Keys are slot 2 | id 32, so that a slot is one range here too. Values: u64 number, identity.
// Functions return LMDB's codes; 0 is good, MDB_NOTFOUND: no such object.

#ifndef OD_STORE_DIRECTORY_H
#define OD_STORE_DIRECTORY_H

#include "store/identity.h"
#include "store/write.h"

// Slices of [identity] point into the map, until the transaction ends or writes.
OD_MUST_CHECK int od_directory_find(const struct od_env *env, MDB_txn *txn,
                                    const uint8_t id[OD_ID_BYTES], uint64_t *number,
                                    struct od_identity *identity);

// For who is about to write.
OD_MUST_CHECK int od_directory_number(struct od_write *write, const uint8_t id[OD_ID_BYTES],
                                      uint64_t *number);

// Puts the identities of all objects of the namespace [space].
OD_MUST_CHECK int od_directory_list(const struct od_env *env, MDB_txn *txn, od_slice space,
                                    struct od_bytes *identities);

// Calls [visit] for the identity of each object in the order of the keys, behind the place [after]
// (empty: from the first), until it returns false.
OD_MUST_CHECK int od_directory_walk(const struct od_env *env, MDB_txn *txn, od_slice after,
                                    bool (*visit)(void *context, od_slice place,
                                                  const struct od_identity *identity),
                                    void *context);
OD_MUST_CHECK int od_directory_put(struct od_write *write, uint64_t number,
                                   const struct od_identity *identity);
OD_MUST_CHECK int od_directory_remove(struct od_write *write, const uint8_t id[OD_ID_BYTES]);

#endif
