#include "codec/masks.h"

#include <sys/random.h>

#include "base/check.h"

uint32_t od_masks_next(struct od_masks *masks)
{
    OD_ASSERT(masks->left <= sizeof masks->keys / sizeof *masks->keys);
    if (masks->left == 0) {
        ssize_t count = getrandom(masks->keys, sizeof masks->keys, 0); // So few bytes come whole.
        OD_ASSERT(count == (ssize_t)sizeof masks->keys);
        masks->left = sizeof masks->keys / sizeof *masks->keys;
    }
    return masks->keys[--masks->left];
}
