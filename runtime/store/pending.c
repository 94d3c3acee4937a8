#include "store/pending.h"

#include <stdlib.h>

struct od_pending *od_pending_of(struct od_list *link)
{
    return OD_LIST_MEMBER(link, struct od_pending, link);
}

od_slice od_pending_batches(const struct od_pending *pending)
{
    return (od_slice){pending->batches, pending->size};
}

void od_pending_free_all(struct od_list *list)
{
    while (!od_list_is_empty(list))
        free(od_pending_of(od_list_pop_front(list)));
}

bool od_pending_is_order(const struct od_pending *pending)
{
    return pending->fate >= OD_FATE_TAKE;
}
