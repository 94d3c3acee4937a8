#include "link/unbegun.h"

#include <string.h>

static uint32_t *first_of(struct od_worker_page *page, uint32_t place)
{
    OD_ASSERT(place >= OD_PAGE_SOCKETS_MAX && place < OD_PAGE_PLACES_MAX);
    return &page->unbegun[place - OD_PAGE_SOCKETS_MAX];
}

static struct od_page_block *block_at(struct od_worker_page *page, uint32_t number)
{
    OD_ASSERT(number >= 1);
    OD_ASSERT(number <= OD_PAGE_BLOCKS_MAX);
    return &page->blocks[number - 1];
}

// 0: there is none.
static uint32_t take_block(struct od_unbegun *unbegun)
{
    uint32_t number = unbegun->free;
    OD_ASSERT(unbegun->next <= OD_PAGE_BLOCKS_MAX);
    if (number != 0)
        unbegun->free = block_at(unbegun->page, number)->next;
    else if (unbegun->next < OD_PAGE_BLOCKS_MAX)
        number = ++unbegun->next;
    if (number != 0)
        block_at(unbegun->page, number)->next = block_at(unbegun->page, number)->size = 0;
    return number;
}

// The number of a block with room, at the end of the list that begins at [first]; 0: none.
static uint32_t block_with_room(struct od_unbegun *unbegun, uint32_t *first)
{
    uint32_t *link = first, last = 0;
    while (*link != 0) {
        last = *link;
        link = &block_at(unbegun->page, last)->next;
    }
    if (last != 0 && block_at(unbegun->page, last)->size < OD_PAGE_BLOCK_BYTES)
        return last;
    return *link = take_block(unbegun);
}

bool od_unbegun_put(struct od_unbegun *unbegun, uint32_t place, od_slice bytes)
{
    if (unbegun->page == NULL || place == OD_PAGE_NO_PLACE)
        return true;
    uint32_t *first = first_of(unbegun->page, place);
    while (bytes.size > 0) {
        uint32_t number = block_with_room(unbegun, first);
        if (number == 0)
            return false;
        struct od_page_block *block = block_at(unbegun->page, number);
        OD_ASSERT(block->size < OD_PAGE_BLOCK_BYTES);
        size_t room = OD_PAGE_BLOCK_BYTES - block->size;
        size_t size = bytes.size < room ? bytes.size : room;
        memcpy(block->bytes + block->size, bytes.at, size);
        block->size += (uint32_t)size;
        bytes = od_slice_from(bytes, size);
    }
    return true;
}

void od_unbegun_drop(struct od_unbegun *unbegun, uint32_t place)
{
    if (unbegun->page == NULL || place == OD_PAGE_NO_PLACE)
        return;
    uint32_t *first = first_of(unbegun->page, place);
    while (*first != 0) {
        uint32_t number = *first;
        struct od_page_block *block = block_at(unbegun->page, number);
        *first = block->next;
        block->next = unbegun->free;
        unbegun->free = number;
    }
}

void od_unbegun_read(const struct od_worker_page *page, uint32_t place, uint32_t *blocks,
                     struct od_bytes *bytes)
{
    OD_ASSERT(place >= OD_PAGE_SOCKETS_MAX && place < OD_PAGE_PLACES_MAX);
    uint32_t number = page->unbegun[place - OD_PAGE_SOCKETS_MAX];
    for (; *blocks > 0 && number > 0 && number <= OD_PAGE_BLOCKS_MAX; --*blocks) {
        const struct od_page_block *block = &page->blocks[number - 1];
        uint32_t size = block->size < OD_PAGE_BLOCK_BYTES ? block->size : OD_PAGE_BLOCK_BYTES;
        od_bytes_put(bytes, block->bytes, size);
        number = block->next;
    }
}
