// A hash table whose links live inside its members; it allocates only its row of buckets.
//
// The caller gives the hash and a function that says whether a member has a key, so one table
// serves ids, names and numbers. Members are owned by the caller.

#ifndef OD_BASE_MAP_H
#define OD_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct od_map_node {
    struct od_map_node *next;
    uint64_t hash;
};

struct od_map {
    struct od_map_node **buckets; // A power of two, or NULL while nothing was ever put in.
    size_t bucket_count;
    size_t size; // Members.
};

// Whether the member around [node] has [key].
typedef bool od_map_match(const struct od_map_node *node, const void *key);

#define OD_MAP_MEMBER(node, type, field) ((type *)(void *)((char *)(node)-offsetof(type, field)))

void od_map_init(struct od_map *map);
void od_map_deinit(struct od_map *map); // Frees the buckets, not the members.
struct od_map_node *od_map_find(const struct od_map *map, uint64_t hash, od_map_match *match,
                                const void *key); // NULL when there is none.
void od_map_put(struct od_map *map, struct od_map_node *node, uint64_t hash); // Key not yet there.
void od_map_remove(struct od_map *map, struct od_map_node *node);

// Gives back buckets for members that are gone. Not while walking.
void od_map_fit(struct od_map *map);

// Walks in no order; the current member may be removed, others not. NULL starts and ends.
struct od_map_node *od_map_next(const struct od_map *map, const struct od_map_node *node);

// A walk that may stop between two buckets and go on later, whatever was put in and removed
// meanwhile: visits the members of the bucket at [place], and returns the place of the next one; 0
// starts and ends. Who is there all the time is visited, once or, when the row of buckets has
// shrunk meanwhile, more often. Any number is a place. [visit] puts nothing in and removes nothing.
uint64_t od_map_visit(const struct od_map *map, uint64_t place,
                      void (*visit)(struct od_map_node *node, void *context), void *context);

// Mixes an integer into a hash whose low bits are usable. Different integers have different hashes.
uint64_t od_map_hash_u64(uint64_t value);

// For members whose key is a number alone: the hash says all of it, so nothing else is compared.
void od_map_put_number(struct od_map *map, struct od_map_node *node, uint64_t number);
struct od_map_node *od_map_find_number(const struct od_map *map, uint64_t number);

#endif
