// Spares: the memory of buffers that are empty, for the next ones that are filled.
//
// What is gathered for a moment, again and again (a request, a head, a record), asks for no memory
// so. As many are kept as the connections of a turn need, and none that has become large.
//
// Owner: embedded. A buffer that has taken one may as well be freed.

#ifndef OD_BASE_SPARES_H
#define OD_BASE_SPARES_H

#include "base/bytes.h"

#define OD_SPARES_MAX 64
#define OD_SPARE_BYTES_MAX 4096

struct od_spares {
    struct od_bytes all[OD_SPARES_MAX];
    size_t count;
};

void od_spares_deinit(struct od_spares *spares); // Zeroed memory is a valid start.

void od_spares_take(struct od_spares *spares, struct od_bytes *bytes); // If it has no memory.
void od_spares_give(struct od_spares *spares, struct od_bytes *bytes); // As od_bytes_deinit.

#endif
