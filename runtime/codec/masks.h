// Keys that mask the frames of a client (RFC 6455, section 10.3): nobody can foresee them, so that
// no script can make the bytes on the line look like something else to a proxy in between.
//
// Taken from the kernel in portions. Owner: embedded in struct od_net; zeroed memory is a start.

#ifndef OD_CODEC_MASKS_H
#define OD_CODEC_MASKS_H

#include <stddef.h>
#include <stdint.h>

struct od_masks {
    uint32_t keys[64];
    size_t left;
};

uint32_t od_masks_next(struct od_masks *masks);

#endif
