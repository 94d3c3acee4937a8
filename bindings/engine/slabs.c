#include "engine/slabs.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/check.h"

enum {
    slab_bytes = 64 << 10, // Aligned to as much, so that a block finds its slab.
    region_slabs = 16,     // That are asked for at once.
    fine_bytes = 256,      // Up to which sizes differ by fine_step.
    fine_step = 16,
    coarse_step = 64,
    head_bytes = 16, // Of a slab's memory; what follows is aligned as malloc's.
    warm_max = 8,    // Empty slabs that keep their memory: the next is soon asked for.
};

struct slab {
    struct od_list link; // Among the roomy ones of its size, the empty ones, or in none: full.
    char *memory;        // Its first bytes say where this struct is, while blocks are taken.
    void **free;         // Blocks that were given back; each holds the next.
    uint32_t fresh;      // From here on no block was ever taken.
    uint32_t used;       // Blocks.
    uint32_t block_bytes;
    bool is_warm; // It is empty, and its memory was not given back.
};

struct od_slab_region {
    struct od_slab_region *next;
    void *memory;
    struct slab slabs[region_slabs];
};

static size_t index_of(size_t size)
{
    OD_ASSERT(size > 0 && size <= OD_SLABS_BLOCK_BYTES_MAX);
    return size <= fine_bytes ? (size - 1) / fine_step
                              : fine_bytes / fine_step + (size - fine_bytes - 1) / coarse_step;
}

static uint32_t bytes_of(size_t index)
{
    size_t fine = fine_bytes / fine_step;
    return (uint32_t)(index < fine ? (index + 1) * fine_step
                                   : fine_bytes + (index - fine + 1) * coarse_step);
}

bool od_slabs_are_alike(size_t size, size_t other)
{
    return index_of(size) == index_of(other);
}

void od_slabs_init(struct od_slabs *slabs)
{
    for (size_t i = 0; i < OD_SLABS_SIZES; i++)
        od_list_init(&slabs->roomy[i]);
    od_list_init(&slabs->empty);
    slabs->warm = 0;
    slabs->regions = NULL;
}

void od_slabs_deinit(struct od_slabs *slabs)
{
    while (slabs->regions != NULL) {
        struct od_slab_region *region = slabs->regions;
        slabs->regions = region->next;
        munmap(region->memory, (size_t)(region_slabs + 1) * slab_bytes);
        free(region);
    }
    od_slabs_init(slabs);
}

static bool add_region(struct od_slabs *slabs)
{
    size_t size = (size_t)(region_slabs + 1) * slab_bytes; // One for the alignment.
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    struct od_slab_region *region = od_allocate_zeroed(sizeof *region);
    region->next = slabs->regions;
    region->memory = memory;
    slabs->regions = region;
    char *first = (char *)memory + slab_bytes - (uintptr_t)memory % slab_bytes;
    for (size_t i = 0; i < region_slabs; i++) {
        struct slab *slab = &region->slabs[i];
        slab->memory = first + i * slab_bytes;
        od_list_init(&slab->link);
        od_list_push_back(&slabs->empty, &slab->link);
    }
    return true;
}

static struct slab *first_of(struct od_list *list)
{
    return OD_LIST_MEMBER(list->next, struct slab, link);
}

static struct slab *begin_slab(struct od_slabs *slabs, size_t index)
{
    if (od_list_is_empty(&slabs->empty) && !add_region(slabs))
        return NULL;
    struct slab *slab = first_of(&slabs->empty);
    OD_ASSERT(slab->used == 0);
    OD_ASSERT(!slab->is_warm || slabs->warm > 0);
    slabs->warm -= slab->is_warm;
    slab->is_warm = false;
    slab->free = NULL;
    slab->fresh = head_bytes;
    slab->block_bytes = bytes_of(index);
    *(struct slab **)(void *)slab->memory = slab;
    od_list_remove(&slab->link);
    od_list_push_front(&slabs->roomy[index], &slab->link);
    return slab;
}

static bool has_room(const struct slab *slab)
{
    return slab->free != NULL || slab->fresh + slab->block_bytes <= slab_bytes;
}

void *od_slabs_take(struct od_slabs *slabs, size_t size)
{
    size_t index = index_of(size);
    struct od_list *roomy = &slabs->roomy[index];
    struct slab *slab = od_list_is_empty(roomy) ? begin_slab(slabs, index) : first_of(roomy);
    if (slab == NULL)
        return NULL;
    void **block = slab->free;
    if (block != NULL) {
        slab->free = *block;
    } else {
        block = (void **)(void *)(slab->memory + slab->fresh);
        slab->fresh += slab->block_bytes;
    }
    slab->used++;
    if (!has_room(slab))
        od_list_remove(&slab->link);
    return block;
}

// Those that keep their memory are the first to be used again.
static void end_slab(struct od_slabs *slabs, struct slab *slab)
{
    od_list_remove(&slab->link);
    slab->is_warm = slabs->warm < warm_max;
    if (slab->is_warm) {
        slabs->warm++;
        od_list_push_front(&slabs->empty, &slab->link);
    } else {
        madvise(slab->memory, slab_bytes, MADV_DONTNEED);
        od_list_push_back(&slabs->empty, &slab->link);
    }
}

void od_slabs_give(struct od_slabs *slabs, void *block, size_t size)
{
    char *memory = (char *)block - (uintptr_t)block % slab_bytes;
    struct slab *slab = *(struct slab **)(void *)memory;
    OD_ASSERT(slab->memory == memory);
    OD_ASSERT(slab->used > 0);
    size_t index = index_of(size);
    OD_ASSERT(slab->block_bytes == bytes_of(index));
    *(void **)block = slab->free;
    slab->free = block;
    slab->used--;
    if (od_list_is_empty(&slab->link))
        od_list_push_back(&slabs->roomy[index], &slab->link);
    if (slab->used == 0)
        end_slab(slabs, slab);
}
