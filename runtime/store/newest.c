#include "store/newest.h"

#include <string.h>

#include "store/keys.h"

enum {
    an_object = 0, // Beside the kinds of rows.
};

struct place {
    const uint8_t *id;
    uint8_t kind; // enum od_row_kind, or an_object.
    uint32_t page;
    od_slice key;
};

struct entry {
    struct od_map_node node;
    uint8_t id[OD_ID_BYTES];
    uint8_t kind;
    uint32_t page;
    od_slice key;
    uint64_t noted;    // The last operation that went there; of an object nothing.
    bool gives_number; // That operation. Of an object: one before has given it.
};

void od_newest_init(struct od_newest *newest)
{
    *newest = (struct od_newest){.uses = {NULL, 0, 0}};
    od_map_init(&newest->map);
    od_slab_init(&newest->entries, sizeof(struct entry));
}

void od_newest_clear(struct od_newest *newest)
{
    struct od_map_node *node = od_map_next(&newest->map, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&newest->map, node);
        od_map_remove(&newest->map, node);
        od_slab_give(&newest->entries, OD_MAP_MEMBER(node, struct entry, node));
    }
    OD_ASSERT(newest->entries.size == 0);
    od_map_fit(&newest->map);
    od_slab_fit(&newest->entries);
    od_bytes_clear(&newest->uses);
    newest->writes = 0;
}

void od_newest_deinit(struct od_newest *newest)
{
    od_newest_clear(newest);
    od_map_deinit(&newest->map);
    od_slab_deinit(&newest->entries);
    od_bytes_deinit(&newest->uses);
}

// --- Places --------------------------------------------------------------------------------------

// False: it has none, or one in a chain.
static bool place_of(struct place *place, const uint8_t id[OD_ID_BYTES],
                     const struct od_operation *operation)
{
    bool is_pair = operation->kind == OD_OPERATION_PUT || operation->kind == OD_OPERATION_DELETE;
    bool is_page =
        operation->kind == OD_OPERATION_PUT_PAGE || operation->kind == OD_OPERATION_DELETE_PAGE;
    *place = (struct place){.id = id,
                            .kind = is_page ? OD_ROW_PAGE : OD_ROW_PAIR,
                            .page = operation->page,
                            .key = operation->key};
    return is_page || (is_pair && operation->key.size <= OD_KEY_PIECE_BYTES);
}

static uint64_t hash_of(const struct place *place)
{
    uint64_t of_id;
    memcpy(&of_id, place->id, sizeof of_id);
    of_id ^= (uint64_t)place->page << 8 | place->kind;
    return od_map_hash_u64(od_map_hash_u64(of_id) ^ od_slice_hash(place->key));
}

static bool is_at(const struct od_map_node *node, const void *sought)
{
    const struct entry *entry = OD_MAP_MEMBER(node, const struct entry, node);
    const struct place *place = sought;
    return entry->kind == place->kind && entry->page == place->page &&
           memcmp(entry->id, place->id, OD_ID_BYTES) == 0 && od_slice_equal(entry->key, place->key);
}

static struct entry *find(const struct od_newest *newest, const struct place *place, uint64_t hash)
{
    struct od_map_node *node = od_map_find(&newest->map, hash, is_at, place);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct entry, node);
}

static struct entry *find_or_add(struct od_newest *newest, const struct place *place, bool *is_new)
{
    uint64_t hash = hash_of(place), number;
    struct entry *entry = find(newest, place, hash);
    *is_new = entry == NULL;
    if (entry != NULL)
        return entry;
    entry = od_slab_take(&newest->entries, &number);
    *entry = (struct entry){.kind = place->kind, .page = place->page, .key = place->key};
    memcpy(entry->id, place->id, OD_ID_BYTES);
    od_map_put(&newest->map, &entry->node, hash);
    return entry;
}

// --- Operations ----------------------------------------------------------------------------------

static bool deletes(const struct od_operation *operation)
{
    return operation->kind == OD_OPERATION_DELETE || operation->kind == OD_OPERATION_DELETE_ALL ||
           operation->kind == OD_OPERATION_DELETE_ALARM ||
           operation->kind == OD_OPERATION_DELETE_NAMED_ALARM ||
           operation->kind == OD_OPERATION_DELETE_PAGE;
}

// Only the first of an object that writes something, and of one whose number a deleteAll took away.
static bool gives_number(struct od_newest *newest, const uint8_t id[OD_ID_BYTES],
                         const struct od_operation *operation)
{
    bool is_new;
    const struct place place = {.id = id, .kind = an_object};
    struct entry *object = find_or_add(newest, &place, &is_new);
    bool gives = !deletes(operation) && !object->gives_number;
    object->gives_number =
        (object->gives_number || gives) && operation->kind != OD_OPERATION_DELETE_ALL;
    return gives;
}

void od_newest_note(struct od_newest *newest, const uint8_t id[OD_ID_BYTES],
                    const struct od_operation *operation)
{
    struct place place;
    bool is_new, gives = gives_number(newest, id, operation);
    uint64_t noted = newest->uses.size;
    od_bytes_put_u8(&newest->uses, OD_NEWEST_WRITE);
    newest->writes++;
    if (!place_of(&place, id, operation))
        return;
    struct entry *entry = find_or_add(newest, &place, &is_new);
    OD_ASSERT(entry->noted < newest->uses.size);
    if (!is_new) {
        newest->uses.at[entry->noted] = entry->gives_number ? OD_NEWEST_NUMBER : OD_NEWEST_NONE;
        newest->writes--;
    }
    entry->noted = noted;
    entry->gives_number = gives;
}

enum od_newest_use od_newest_use(const struct od_newest *newest, uint64_t place)
{
    OD_ASSERT(place < newest->uses.size);
    return (enum od_newest_use)newest->uses.at[place];
}

bool od_newest_has(const struct od_newest *newest, const uint8_t id[OD_ID_BYTES],
                   const struct od_operation *operation)
{
    struct place place;
    return place_of(&place, id, operation) && find(newest, &place, hash_of(&place)) != NULL;
}
