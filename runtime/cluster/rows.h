// Batches as rows of the engine, and back.
//
// A row's key is a kind, one byte, and what names it among its kind:
//   OD_ROW_OF_IDENTITY  nothing: the identity of the object (store/identity.h); its first row
//   OD_ROW_OF_ALARM     the alarm's name: its row (store/alarm.h)
//   OD_ROW_OF_PAGE      u32 big-endian: the page, squeezed
//   OD_ROW_OF_PAIR      the key: the value
//
// Of a group only what is there at its end is written: each row once, as the engine wants it.
//
// Owner: od_group_rows_deinit. Slices in it are borrowed from the submissions.

#ifndef OD_CLUSTER_ROWS_H
#define OD_CLUSTER_ROWS_H

#include "base/list.h"
#include "base/map.h"
#include "store/batch.h"

enum od_row_of {
    OD_ROW_OF_IDENTITY = 0,
    OD_ROW_OF_ALARM = 1,
    OD_ROW_OF_PAGE = 2,
    OD_ROW_OF_PAIR = 3,
};

struct od_row_change {
    struct od_map_node by_key;
    struct od_list link;
    struct od_object_change *object;
    bool is_put; // Otherwise it is deleted.
    od_slice value;
    size_t key_bytes;
    char key[];
};

struct od_object_change {
    struct od_map_node by_id;
    struct od_list link;
    od_slot slot;
    uint8_t id[OD_ID_BYTES];
    od_slice identity; // As it is stored.
    bool is_wiped;     // All it had before the group goes.
    struct od_list rows;
    size_t puts; // Of [rows].
};

struct od_group_rows {
    struct od_map objects_by_id, rows_by_key;
    struct od_list objects;
    uint8_t slots[OD_SLOT_COUNT / 8]; // A bit for each that is written to.
    size_t slot_count;
};

void od_group_rows_init(struct od_group_rows *rows);
void od_group_rows_deinit(struct od_group_rows *rows);
void od_group_rows_add(struct od_group_rows *rows, od_slice submission); // It is valid.

// A reading: rows of one slot after another, in the order of object and key, become submissions.
struct od_rows_reading {
    struct od_bytes submission;
    struct od_bytes identity; // Of the object whose rows come.
    size_t batch;             // Where its batch begins.
    bool is_open;
};

// False: the row makes no sense.
OD_MUST_CHECK bool od_rows_reading_add(struct od_rows_reading *reading, od_slice key,
                                       od_slice value);
od_slice od_rows_reading_take(struct od_rows_reading *reading); // What came since; until the next.
void od_rows_reading_deinit(struct od_rows_reading *reading);

#endif
