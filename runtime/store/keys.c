#include "store/keys.h"

#include <string.h>

#include "base/check.h"

static void put_big_endian(char *at, uint64_t value, size_t width)
{
    OD_ASSERT(width <= sizeof value);
    for (size_t i = 0; i < width; i++)
        at[i] = (char)(value >> (8 * (width - 1 - i)));
}

struct od_run od_run_of_object(od_slot slot, uint64_t number)
{
    OD_ASSERT(slot < OD_SLOT_COUNT);
    struct od_run run = {.size = OD_KEY_OBJECT_BYTES};
    put_big_endian(run.bytes, slot, 2);
    put_big_endian(run.bytes + 2, number, 8);
    return run;
}

struct od_run od_run_of_pairs(od_slot slot, uint64_t number)
{
    struct od_run run = od_run_of_object(slot, number);
    run.bytes[run.size++] = OD_ROW_PAIR;
    return run;
}

struct od_run od_run_of_chain(od_slot slot, uint64_t number, uint64_t chain)
{
    struct od_run run = od_run_of_object(slot, number);
    run.bytes[run.size++] = OD_ROW_CHAIN;
    put_big_endian(run.bytes + run.size, chain, 8);
    run.size += 8;
    OD_ASSERT(run.size == OD_KEY_RUN_BYTES_MAX);
    return run;
}

struct od_run od_run_of_alarms(od_slot slot, uint64_t number)
{
    struct od_run run = od_run_of_object(slot, number);
    run.bytes[run.size++] = OD_ROW_ALARM;
    return run;
}

struct od_run od_run_of_pages(od_slot slot, uint64_t number)
{
    struct od_run run = od_run_of_object(slot, number);
    run.bytes[run.size++] = OD_ROW_PAGE;
    return run;
}

od_slice od_page_key(char room[OD_PAGE_KEY_BYTES], uint32_t page)
{
    put_big_endian(room, page, OD_PAGE_KEY_BYTES);
    return (od_slice){room, OD_PAGE_KEY_BYTES};
}

bool od_run_has(const struct od_run *run, od_slice key)
{
    return od_slice_starts_with(key, (od_slice){run->bytes, run->size});
}

void od_key_build(struct od_key *built, const struct od_run *run, od_slice key)
{
    OD_ASSERT(run->size <= OD_KEY_RUN_BYTES_MAX);
    bool is_link = key.size > OD_KEY_PIECE_BYTES;
    size_t piece = is_link ? OD_KEY_PIECE_BYTES : key.size;
    memcpy(built->bytes, run->bytes, run->size);
    if (piece > 0)
        memcpy(built->bytes + run->size, key.at, piece);
    built->size = run->size + piece;
    if (is_link)
        built->bytes[built->size++] = (char)0xff;
    OD_ASSERT(built->size <= sizeof built->bytes);
}

void od_key_build_last(struct od_key *built, const struct od_run *run)
{
    OD_ASSERT(run->size >= OD_KEY_OBJECT_BYTES);
    OD_ASSERT(run->size <= OD_KEY_RUN_BYTES_MAX);
    memcpy(built->bytes, run->bytes, run->size);
    memset(built->bytes + run->size, 0xff, OD_KEY_PIECE_BYTES + 2); // Longer than any link.
    built->size = run->size + OD_KEY_PIECE_BYTES + 2;
    OD_ASSERT(built->size <= sizeof built->bytes);
}

od_slice od_key_slice(const struct od_key *key)
{
    return (od_slice){key->bytes, key->size};
}
