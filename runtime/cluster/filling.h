// Filling: what slots and objects store, on its way from PostgreSQL to who puts it into LMDB.
//
// A slot comes in portions, for others wait meanwhile: a write for the disk, an object for what it
// stores. A portion takes about OD_CLUSTER_FILL_MS, whatever a slot has; how many rows are asked
// for at once follows from how long the last ones took. The alarms of a slot can be had before the
// rest of it, by an index of their own, so that one that is due rings however much is stored.
//
// Thread: the committer's. Owner: embedded in the engine.

#ifndef OD_CLUSTER_FILLING_H
#define OD_CLUSTER_FILLING_H

#include "cluster/postgres.h"
#include "cluster/rows.h"
#include "store/engine.h"

struct od_filling {
    struct od_postgres *postgres;
    int stop_fd;
    size_t rows_max; // Of a portion.
    // Where the slot goes on that is half there:
    bool is_begun, only_alarms;
    od_slot slot;
    struct od_bytes object, key;    // the last row that came,
    struct od_rows_reading reading; // and whose it was.
};

void od_filling_init(struct od_filling *filling, struct od_postgres *postgres, int stop_fd);
void od_filling_deinit(struct od_filling *filling);

// What is half there comes from the beginning, for who owns it may have changed.
void od_filling_forget(struct od_filling *filling);

// As in store/engine.h.
OD_MUST_CHECK enum od_engine_outcome od_filling_slots(struct od_filling *filling,
                                                      const struct od_engine_filled *filled,
                                                      const struct od_engine_sink *sink,
                                                      size_t *whole, struct od_error *err);
OD_MUST_CHECK enum od_engine_outcome od_filling_load(struct od_filling *filling, od_slice ids,
                                                     const struct od_engine_sink *sink,
                                                     struct od_error *err);

#endif
