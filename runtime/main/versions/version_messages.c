#include "main/versions/version_messages.h"

bool od_version_is_heard(const struct od_child *child)
{
    return child->has_link && !child->link.is_gone &&
           (child->state == OD_CHILD_LOADING || child->state == OD_CHILD_RESTORING ||
            child->state == OD_CHILD_READY);
}

void od_version_send_load(struct od_child *child, uint32_t version, od_slice files)
{
    size_t mark = od_link_begin(&child->link, OD_KIND_LOAD, -1);
    od_bytes_put_u32(&child->link.out, version);
    od_bytes_put_slice(&child->link.out, files);
    od_link_end(&child->link, mark);
}

void od_version_send_to_all(struct od_supervisor *supervisor, enum od_kind kind, uint32_t version)
{
    struct od_bytes body = {0};
    od_bytes_put_u32(&body, version);
    for (uint32_t i = 0; i < supervisor->child_count; i++) {
        struct od_child *child = &supervisor->children[i];
        if (od_version_is_heard(child))
            od_link_send(&child->link, kind, od_bytes_slice(&body), -1);
    }
    od_bytes_deinit(&body);
}
