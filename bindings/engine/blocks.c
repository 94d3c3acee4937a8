#include "engine/blocks.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/check.h"

enum {
    tray_bytes = 64 << 10, // Aligned to as much, so that a block finds its tray.
    region_trays = 16,     // That are asked for at once.
    fine_bytes = 256,      // Up to which sizes differ by fine_step.
    fine_step = 16,
    coarse_step = 64,
    head_bytes = 16, // Of a tray's memory; what follows is aligned as malloc's.
    warm_max = 8,    // Empty trays that keep their memory: the next is soon asked for.
};

struct tray {
    struct od_list link; // Among the roomy ones of its size, the empty ones, or in none: full.
    char *memory;        // Its first bytes say where this struct is, while blocks are taken.
    void **free;         // Blocks that were given back; each holds the next.
    uint32_t fresh;      // From here on no block was ever taken.
    uint32_t used;       // Blocks.
    uint32_t block_bytes;
    bool is_warm; // It is empty, and its memory was not given back.
};

struct od_blocks_region {
    struct od_blocks_region *next;
    void *memory;
    struct tray trays[region_trays];
};

static size_t index_of(size_t size)
{
    OD_ASSERT(size > 0 && size <= OD_BLOCK_BYTES_MAX);
    return size <= fine_bytes ? (size - 1) / fine_step
                              : fine_bytes / fine_step + (size - fine_bytes - 1) / coarse_step;
}

static uint32_t bytes_of(size_t index)
{
    size_t fine = fine_bytes / fine_step;
    return (uint32_t)(index < fine ? (index + 1) * fine_step
                                   : fine_bytes + (index - fine + 1) * coarse_step);
}

bool od_blocks_are_alike(size_t size, size_t other)
{
    return index_of(size) == index_of(other);
}

void od_blocks_init(struct od_blocks *blocks)
{
    for (size_t i = 0; i < OD_BLOCKS_SIZES; i++)
        od_list_init(&blocks->roomy[i]);
    od_list_init(&blocks->empty);
    blocks->warm = 0;
    blocks->regions = NULL;
}

void od_blocks_deinit(struct od_blocks *blocks)
{
    while (blocks->regions != NULL) {
        struct od_blocks_region *region = blocks->regions;
        blocks->regions = region->next;
        munmap(region->memory, (size_t)(region_trays + 1) * tray_bytes);
        free(region);
    }
    od_blocks_init(blocks);
}

static bool add_region(struct od_blocks *blocks)
{
    size_t size = (size_t)(region_trays + 1) * tray_bytes; // One for the alignment.
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    struct od_blocks_region *region = od_allocate_zeroed(sizeof *region);
    region->next = blocks->regions;
    region->memory = memory;
    blocks->regions = region;
    char *first = (char *)memory + tray_bytes - (uintptr_t)memory % tray_bytes;
    for (size_t i = 0; i < region_trays; i++) {
        struct tray *tray = &region->trays[i];
        tray->memory = first + i * tray_bytes;
        od_list_init(&tray->link);
        od_list_push_back(&blocks->empty, &tray->link);
    }
    return true;
}

static struct tray *first_of(struct od_list *list)
{
    return OD_LIST_MEMBER(list->next, struct tray, link);
}

OD_SELDOM static struct tray *begin_tray(struct od_blocks *blocks, size_t index)
{
    if (od_list_is_empty(&blocks->empty) && !add_region(blocks))
        return NULL;
    struct tray *tray = first_of(&blocks->empty);
    OD_ASSERT(tray->used == 0);
    OD_ASSERT(!tray->is_warm || blocks->warm > 0);
    blocks->warm -= tray->is_warm;
    tray->is_warm = false;
    tray->free = NULL;
    tray->fresh = head_bytes;
    tray->block_bytes = bytes_of(index);
    *(struct tray **)(void *)tray->memory = tray;
    od_list_remove(&tray->link);
    od_list_push_front(&blocks->roomy[index], &tray->link);
    return tray;
}

static bool has_room(const struct tray *tray)
{
    return tray->free != NULL || tray->fresh + tray->block_bytes <= tray_bytes;
}

inline void *od_blocks_take(struct od_blocks *blocks, size_t size)
{
    size_t index = index_of(size);
    struct od_list *roomy = &blocks->roomy[index];
    struct tray *tray = od_list_is_empty(roomy) ? begin_tray(blocks, index) : first_of(roomy);
    if (tray == NULL)
        return NULL;
    void **block = tray->free;
    if (block != NULL) {
        tray->free = *block;
    } else {
        block = (void **)(void *)(tray->memory + tray->fresh);
        tray->fresh += tray->block_bytes;
    }
    tray->used++;
    if (!has_room(tray))
        od_list_remove(&tray->link);
    return block;
}

static void cool(struct tray *tray)
{
    OD_ASSERT(tray->used == 0);
    tray->is_warm = false;
    madvise(tray->memory, tray_bytes, MADV_DONTNEED);
}

void od_blocks_rest(struct od_blocks *blocks)
{
    OD_LIST_EACH (link, &blocks->empty) {
        struct tray *tray = OD_LIST_MEMBER(link, struct tray, link);
        if (tray->is_warm)
            cool(tray);
    }
    blocks->warm = 0;
}

// Those that keep their memory are the first to be used again.
OD_SELDOM static void end_tray(struct od_blocks *blocks, struct tray *tray)
{
    od_list_remove(&tray->link);
    tray->is_warm = blocks->warm < warm_max;
    if (tray->is_warm) {
        blocks->warm++;
        od_list_push_front(&blocks->empty, &tray->link);
    } else {
        cool(tray);
        od_list_push_back(&blocks->empty, &tray->link);
    }
}

inline void od_blocks_give(struct od_blocks *blocks, void *block, size_t size)
{
    char *memory = (char *)block - (uintptr_t)block % tray_bytes;
    struct tray *tray = *(struct tray **)(void *)memory;
    OD_ASSERT(tray->memory == memory);
    OD_ASSERT(tray->used > 0);
    size_t index = index_of(size);
    OD_ASSERT(tray->block_bytes == bytes_of(index));
    *(void **)block = tray->free;
    tray->free = block;
    tray->used--;
    if (od_list_is_empty(&tray->link))
        od_list_push_back(&blocks->roomy[index], &tray->link);
    if (tray->used == 0)
        end_tray(blocks, tray);
}
