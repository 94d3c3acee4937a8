// The trash: rows of objects that called deleteAll. Nobody can reach them; they only take up room.
//
// deleteAll takes the object's number away, which costs the same for any number of rows, and notes
// the number here. The committer sweeps when it has nothing else to do, a bounded part in
// each transaction, and after a restart goes on where it was.

#ifndef OD_STORE_TRASH_H
#define OD_STORE_TRASH_H

#include "store/slot.h"
#include "store/write.h"

OD_MUST_CHECK int od_trash_add(struct od_write *write, od_slot slot, uint64_t number);

// Deletes some rows. [swept] says how many; [is_empty] that no trash is left.
OD_MUST_CHECK int od_trash_sweep(struct od_write *write, uint64_t *swept, bool *is_empty);

// In a transaction of its own. After damage that ends it in the middle the environment is lost.
OD_MUST_CHECK int od_trash_sweep_once(struct od_env *env, uint64_t *swept, bool *is_empty);

#endif
