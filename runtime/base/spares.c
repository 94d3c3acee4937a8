#include "base/spares.h"

void od_spares_deinit(struct od_spares *spares)
{
    OD_ASSERT(spares->count <= OD_SPARES_MAX);
    while (spares->count > 0)
        od_bytes_deinit(&spares->all[--spares->count]);
}

void od_spares_take(struct od_spares *spares, struct od_bytes *bytes)
{
    OD_ASSERT(spares->count <= OD_SPARES_MAX);
    if (bytes->capacity == 0 && spares->count > 0)
        *bytes = spares->all[--spares->count];
}

void od_spares_give(struct od_spares *spares, struct od_bytes *bytes)
{
    OD_ASSERT(spares->count <= OD_SPARES_MAX);
    if (bytes->capacity == 0)
        return;
    if (bytes->capacity > OD_SPARE_BYTES_MAX || spares->count == OD_SPARES_MAX) {
        od_bytes_deinit(bytes);
        return;
    }
    od_bytes_clear(bytes);
    spares->all[spares->count++] = *bytes;
    od_bytes_init(bytes);
}
