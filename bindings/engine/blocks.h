// Small blocks of a Lua state, by size: a tray is a piece of memory that is cut into equal blocks.
//
// malloc serves everybody, and pays for it here: what it keeps of small blocks that were freed it
// puts together at some later call, all in one piece, which takes a tenth of a second after a
// hundred thousand instances went. Lua says how large a block is when it gives it back, so nothing
// has to be remembered beside it, and taking and giving are a few instructions, always. A tray in
// which nothing is left gives its memory back to the system.
//
// Under the address sanitizer everything is left to malloc, which it knows.
//
// Owner: embedded in struct od_memory.

#ifndef OD_ENGINE_BLOCKS_H
#define OD_ENGINE_BLOCKS_H

#include <stdint.h>

#include "base/list.h"

#if defined(__SANITIZE_ADDRESS__)
#define OD_BLOCK_BYTES_MAX 0
#else
#define OD_BLOCK_BYTES_MAX 512 // Larger ones are malloc's.
#endif
#define OD_BLOCKS_SIZES 20 // Of blocks: steps of 16 bytes up to 256, and of 64 from there on.

struct od_blocks_region;

struct od_blocks {
    struct od_list roomy[OD_BLOCKS_SIZES]; // Trays with a free block, by size.
    struct od_list empty;                  // Trays in which nothing is, of any size.
    uint32_t warm;                         // So many of them still have memory.
    struct od_blocks_region *regions;
};

void od_blocks_init(struct od_blocks *blocks);
void od_blocks_deinit(struct od_blocks *blocks); // Whatever is still taken goes, too.

// A block of at least [size] bytes, 1 to OD_BLOCK_BYTES_MAX; NULL: the system has no memory.
void *od_blocks_take(struct od_blocks *blocks, size_t size);
void od_blocks_give(struct od_blocks *blocks, void *block, size_t size); // As it was asked for.

// Nothing is expected to come soon: what was kept for that goes back to the system.
void od_blocks_rest(struct od_blocks *blocks);

// Whether a block of one size would do for the other.
bool od_blocks_are_alike(size_t size, size_t other);

#endif
