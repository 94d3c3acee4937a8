// An array as PostgreSQL takes it in binary form: one parameter of a statement for any number of
// rows.
//
// Owner: od_array_deinit.

#ifndef OD_CLUSTER_ARRAY_H
#define OD_CLUSTER_ARRAY_H

#include "base/bytes.h"

enum od_array_of { // Numbers of types, which are the same in each PostgreSQL.
    OD_ARRAY_OF_BYTES = 17,
    OD_ARRAY_OF_INT8 = 20,
    OD_ARRAY_OF_INT4 = 23,
};

struct od_array {
    struct od_bytes bytes; // Head and elements.
    uint32_t count;
};

void od_array_init(struct od_array *array, enum od_array_of of);
void od_array_deinit(struct od_array *array);
void od_array_put_bytes(struct od_array *array, od_slice bytes);
void od_array_put_int4(struct od_array *array, uint32_t value);
void od_array_put_int8(struct od_array *array, uint64_t value);

// The parameter. Nothing may be put any more.
od_slice od_array_finish(struct od_array *array);

#endif
