#include "sql/freelist.h"

#include "store/limits.h"

#define LEAVES_MAX (OD_STORE_PAGE_BYTES / 4 - 2)

struct trunk {
    char bytes[OD_STORE_PAGE_BYTES]; // Next trunk, count, free pages.
};

static uint32_t read_u32(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t next_of(const struct trunk *trunk)
{
    return read_u32(trunk->bytes);
}

static uint32_t count_of(const struct trunk *trunk)
{
    return read_u32(trunk->bytes + 4);
}

static uint32_t leaf_of(const struct trunk *trunk, uint32_t place)
{
    return read_u32(trunk->bytes + 8 + 4 * (size_t)place);
}

// A leaf that stood at the same place before has lost its row already, unless it was used between.
static bool may_have_row(const struct od_storage *storage, uint32_t leaf, const struct trunk *old,
                         uint32_t place)
{
    return old == NULL || place >= count_of(old) || leaf_of(old, place) != leaf ||
           od_storage_has_open_page(storage, leaf);
}

static void drop_leaves(struct od_storage *storage, const struct trunk *trunk, uint32_t number,
                        uint32_t pages)
{
    struct trunk beneath;
    bool had_one = od_storage_get_page_beneath(storage, number, beneath.bytes);
    for (uint32_t i = 0; i < count_of(trunk); i++) {
        uint32_t leaf = leaf_of(trunk, i);
        if (leaf <= 1 || leaf > pages || leaf == number)
            return; // Damaged: better left alone.
        if (may_have_row(storage, leaf, had_one ? &beneath : NULL, i) &&
            od_storage_has_page(storage, leaf))
            od_storage_delete_page(storage, leaf);
    }
}

void od_sql_freelist_drop(struct od_storage *storage)
{
    struct trunk first, trunk;
    if (!od_storage_has_open_page(storage, 1) || !od_storage_get_page(storage, 1, first.bytes))
        return;
    uint32_t pages = read_u32(first.bytes + 28), number = read_u32(first.bytes + 32);
    for (uint32_t i = 0; i < pages && od_storage_has_open_page(storage, number); i++) {
        if (!od_storage_get_page(storage, number, trunk.bytes) || count_of(&trunk) > LEAVES_MAX)
            return;
        drop_leaves(storage, &trunk, number, pages);
        number = next_of(&trunk);
    }
}
