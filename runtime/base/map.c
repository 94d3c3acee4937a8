#include "base/map.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/check.h"

enum {
    bucket_count_min = 16
};

void od_map_init(struct od_map *map)
{
    *map = (struct od_map){NULL, 0, 0};
}

void od_map_deinit(struct od_map *map)
{
    free(map->buckets);
    od_map_init(map);
}

static size_t bucket_of(const struct od_map *map, uint64_t hash)
{
    OD_ASSERT(map->bucket_count > 0);
    return (size_t)hash & (map->bucket_count - 1);
}

struct od_map_node *od_map_find(const struct od_map *map, uint64_t hash, od_map_match *match,
                                const void *key)
{
    if (map->size == 0)
        return NULL;
    struct od_map_node *node = map->buckets[bucket_of(map, hash)];
    while (node != NULL && (node->hash != hash || !match(node, key)))
        node = node->next;
    return node;
}

static void set_bucket_count(struct od_map *map, size_t count)
{
    OD_ASSERT((count & (count - 1)) == 0); // A hash is cut to its low bits.
    size_t old_count = map->bucket_count;
    struct od_map_node **old = map->buckets;
    map->bucket_count = count;
    map->buckets = od_allocate_zeroed(map->bucket_count * sizeof *map->buckets);
    for (size_t i = 0; i < old_count; i++) {
        for (struct od_map_node *node = old[i], *next; node != NULL; node = next) {
            next = node->next;
            size_t bucket = bucket_of(map, node->hash);
            node->next = map->buckets[bucket];
            map->buckets[bucket] = node;
        }
    }
    free(old);
}

void od_map_put(struct od_map *map, struct od_map_node *node, uint64_t hash)
{
    if (map->size >= map->bucket_count)
        set_bucket_count(map, map->bucket_count == 0 ? bucket_count_min : map->bucket_count * 2);
    node->hash = hash;
    size_t bucket = bucket_of(map, hash);
    node->next = map->buckets[bucket];
    map->buckets[bucket] = node;
    map->size++;
}

void od_map_remove(struct od_map *map, struct od_map_node *node)
{
    OD_ASSERT(map->size > 0);
    OD_ASSERT(map->buckets != NULL);
    struct od_map_node **place = &map->buckets[bucket_of(map, node->hash)];
    while (*place != node) {
        OD_ASSERT(*place != NULL);
        place = &(*place)->next;
    }
    *place = node->next;
    node->next = NULL;
    map->size--;
}

void od_map_fit(struct od_map *map)
{
    size_t count = map->bucket_count;
    while (count > bucket_count_min && map->size < count / 4)
        count /= 2;
    if (count < map->bucket_count)
        set_bucket_count(map, count);
}

struct od_map_node *od_map_next(const struct od_map *map, const struct od_map_node *node)
{
    if (node != NULL && node->next != NULL)
        return node->next;
    size_t bucket = node == NULL ? 0 : bucket_of(map, node->hash) + 1;
    for (; bucket < map->bucket_count; bucket++) {
        if (map->buckets[bucket] != NULL)
            return map->buckets[bucket];
    }
    return NULL;
}

static uint64_t reverse_bits(uint64_t value)
{
    value = (value >> 1 & 0x5555555555555555u) | (value & 0x5555555555555555u) << 1;
    value = (value >> 2 & 0x3333333333333333u) | (value & 0x3333333333333333u) << 2;
    value = (value >> 4 & 0x0f0f0f0f0f0f0f0fu) | (value & 0x0f0f0f0f0f0f0f0fu) << 4;
    return __builtin_bswap64(value);
}

// Buckets are counted with their highest bit first. When a bucket is split its two halves differ in
// the next bit only, so they stand side by side in this order, and what lies before a place stays
// before it.
static uint64_t behind(uint64_t bucket, uint64_t mask)
{
    return reverse_bits(reverse_bits(bucket | ~mask) + 1);
}

uint64_t od_map_visit(const struct od_map *map, uint64_t place,
                      void (*visit)(struct od_map_node *node, void *context), void *context)
{
    if (map->size == 0)
        return 0;
    uint64_t mask = map->bucket_count - 1;
    for (struct od_map_node *node = map->buckets[place & mask]; node != NULL; node = node->next)
        visit(node, context);
    return behind(place & mask, mask);
}

// Each step can be taken back, which is what makes different integers differ.
uint64_t od_map_hash_u64(uint64_t value)
{
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccdu;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53u;
    return value ^ (value >> 33);
}

void od_map_put_number(struct od_map *map, struct od_map_node *node, uint64_t number)
{
    od_map_put(map, node, od_map_hash_u64(number));
}

static bool is_it(const struct od_map_node *node, const void *key)
{
    (void)node, (void)key;
    return true;
}

struct od_map_node *od_map_find_number(const struct od_map *map, uint64_t number)
{
    return od_map_find(map, od_map_hash_u64(number), is_it, NULL);
}
