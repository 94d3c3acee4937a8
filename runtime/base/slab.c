#include "base/slab.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/check.h"

enum {
    chunk_blocks = 256, // What is given back is large, and leaves no scattered pages behind.
    step_blocks = 32,   // So many of a chunk are made free at once: the rest is not touched.
    place_bits = 24,
};

// Under the sanitizer a block that was given back is as good as freed.
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define FORBID(slab, block)                                                                        \
    __asan_poison_memory_region(block, (slab)->block_bytes - sizeof(struct head))
#define ALLOW(slab, block)                                                                         \
    __asan_unpoison_memory_region(block, (slab)->block_bytes - sizeof(struct head))
#else
#define FORBID(slab, block) ((void)(block))
#define ALLOW(slab, block) ((void)(block))
#endif

#define PLACES_MAX ((uint32_t)1 << place_bits)

// In front of each block. It keeps the block where any type may stand.
struct head {
    _Alignas(max_align_t) uint64_t number; // 0: free.
    struct head *next_free;
    uint32_t place; // Counted from 1.
};

void od_slab_init(struct od_slab *slab, size_t block_bytes)
{
    OD_ASSERT(block_bytes > 0);
    size_t unit = sizeof(struct head);
    *slab = (struct od_slab){.block_bytes = unit + (block_bytes + unit - 1) / unit * unit};
}

void od_slab_deinit(struct od_slab *slab)
{
    OD_ASSERT(slab->size == 0);
    for (size_t i = 0; i < slab->chunk_count; i++)
        free(slab->chunks[i]);
    free(slab->chunks);
    slab->chunks = NULL;
    slab->chunk_count = slab->chunk_capacity = 0;
    slab->made = 0;
    slab->first_free = NULL;
}

static struct head *head_at(const struct od_slab *slab, uint32_t place)
{
    uint32_t index = place - 1;
    OD_ASSERT(index / chunk_blocks < slab->chunk_count);
    char *chunk = slab->chunks[index / chunk_blocks];
    return (struct head *)(void *)(chunk + index % chunk_blocks * slab->block_bytes);
}

static struct head *head_of(const void *block)
{
    return (struct head *)(uintptr_t)block - 1;
}

// Of places behind [first], up to [last], those that are free. The first is the first to be taken.
static void free_blocks(struct od_slab *slab, uint32_t first, uint32_t last)
{
    for (uint32_t place = last; place > first; place--) {
        struct head *head = head_at(slab, place);
        if (head->number != 0)
            continue;
        head->place = place;
        head->next_free = slab->first_free;
        slab->first_free = head;
    }
}

static void add_chunk(struct od_slab *slab)
{
    OD_ASSERT(slab->chunk_count < PLACES_MAX / chunk_blocks);
    if (slab->chunk_count == slab->chunk_capacity)
        slab->chunks = od_grow(slab->chunks, &slab->chunk_capacity, sizeof *slab->chunks);
    slab->chunks[slab->chunk_count++] = od_allocate_zeroed(chunk_blocks * slab->block_bytes);
}

OD_SELDOM static void grow(struct od_slab *slab)
{
    if (slab->made == slab->chunk_count * chunk_blocks)
        add_chunk(slab);
    slab->made += step_blocks;
    free_blocks(slab, slab->made - step_blocks, slab->made);
}

inline void *od_slab_take(struct od_slab *slab, uint64_t *number)
{
    if (slab->first_free == NULL)
        grow(slab);
    struct head *head = slab->first_free;
    OD_ASSERT(head->number == 0);
    slab->first_free = head->next_free;
    slab->size++;
    head->number = ++slab->taken << place_bits | (head->place - 1);
    *number = head->number;
    ALLOW(slab, head + 1);
    return head + 1;
}

void *od_slab_find(const struct od_slab *slab, uint64_t number)
{
    uint32_t place = (uint32_t)(number & (PLACES_MAX - 1)) + 1;
    if (number == 0 || place > slab->made)
        return NULL;
    struct head *head = head_at(slab, place);
    return head->number == number ? head + 1 : NULL;
}

void od_slab_give(struct od_slab *slab, void *block)
{
    OD_ASSERT(slab->size > 0);
    struct head *head = head_of(block);
    OD_ASSERT(head->number != 0);
    FORBID(slab, block);
    head->number = 0;
    head->next_free = slab->first_free;
    slab->first_free = head;
    slab->size--;
}

void *od_slab_next(const struct od_slab *slab, const void *block)
{
    uint32_t place = block == NULL ? 1 : head_of(block)->place + 1;
    for (; place <= slab->made; place++) {
        struct head *head = head_at(slab, place);
        if (head->number != 0)
            return head + 1;
    }
    return NULL;
}

static bool is_free(const struct od_slab *slab, size_t chunk)
{
    uint32_t place = (uint32_t)chunk * chunk_blocks + 1, end = place + chunk_blocks;
    while (place < end && place <= slab->made && head_at(slab, place)->number == 0)
        place++;
    return place == end || place > slab->made;
}

void od_slab_fit(struct od_slab *slab)
{
    size_t count = slab->chunk_count;
    while (count > 1 && is_free(slab, count - 1))
        count--;
    if (count == slab->chunk_count)
        return;
    for (size_t i = count; i < slab->chunk_count; i++)
        free(slab->chunks[i]);
    slab->chunk_count = count;
    slab->made = (uint32_t)count * chunk_blocks;
    slab->first_free = NULL;
    free_blocks(slab, 0, slab->made);
}
