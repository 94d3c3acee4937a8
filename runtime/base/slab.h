// Blocks of one size, each with a number that finds it: for what comes and goes with every message.
//
// A number says the block's place and how many blocks had been taken before it, so finding is an
// index and a compare, and the number of a block that was given back finds nothing, although its
// place is in use again. What is given back last is taken first: it is still in the cache, and
// malloc is asked only while there are more blocks than ever before.
//
//   struct od_task *task = od_slab_take(&tasks, &number);
//   task = od_slab_find(&tasks, number); // NULL once it was given back.
//
// Blocks do not move. Their memory is given back by od_slab_fit.
//
// Owner: the struct is embedded; blocks belong to who took them.

#ifndef OD_BASE_SLAB_H
#define OD_BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct od_slab {
    size_t block_bytes;
    char **chunks;
    size_t chunk_count;
    size_t chunk_capacity;
    uint32_t made;    // Places that were ever in use or free to be used.
    void *first_free; // What stands in front of a block (slab.c); NULL: all are taken.
    uint64_t taken;   // So many were ever taken.
    size_t size;      // Blocks that are taken.
};

void od_slab_init(struct od_slab *slab, size_t block_bytes);
void od_slab_deinit(struct od_slab *slab); // All blocks were given back.

// Zeros if no block was at its place before, else as that was given back. No number is 0.
void *od_slab_take(struct od_slab *slab, uint64_t *number);
void *od_slab_find(const struct od_slab *slab, uint64_t number); // NULL: it was given back.
void od_slab_give(struct od_slab *slab, void *block);

// Walks in no order; the current block may be given back, others not. NULL starts and ends.
void *od_slab_next(const struct od_slab *slab, const void *block);

// Gives back memory behind the last block that is taken. Not while walking.
void od_slab_fit(struct od_slab *slab);

#endif
