#include "store/footing.h"

#include "store/limits.h"

enum {
    meta_flag = 8,
    meta_version_at = 20,
    meta_version = 1,
    table_flags_at = 4,
    kind_flags = 0x7e, // Of a table: how its keys and values are ordered. Those for the free pages
                       // keep the environment's flags beside them.
    free_table_kind = 8, // Its keys are numbers.
    free_key_bytes = 8,
    branch_node_bytes_max = 8 + 512,
};

// --- Pages ---------------------------------------------------------------------------------------

// NULL: it is none, or not of that kind.
static const unsigned char *page_at(struct od_footing *footing, uint64_t number, bool is_leaf)
{
    if (number < 2 || number >= footing->page_count)
        return NULL;
    const unsigned char *page = footing->map + number * footing->page_bytes;
    uint64_t *seen = &footing->seen[number % OD_FOOTING_SEEN];
    if (*seen != number &&
        !od_file_page_is_sound(page, footing->page_bytes, number, footing->page_count, NULL, NULL))
        return NULL;
    *seen = number;
    return od_file_page_is_leaf(page) == is_leaf ? page : NULL;
}

// The bytes of a value wherever they are; NULL: they are not there.
static const unsigned char *value_at(const struct od_footing *footing, struct od_file_value value)
{
    if (value.bytes.at != NULL)
        return (const unsigned char *)value.bytes.at;
    const unsigned char *head = footing->map + value.number * footing->page_bytes;
    bool is_sound = od_file_overflow_is_sound(head, value.number, value.pages) &&
                    od_file_overflow_pages(head) <= footing->page_count - value.number;
    return is_sound ? head + od_file_page_head_bytes : NULL;
}

// --- Neighbours ----------------------------------------------------------------------------------

static size_t used_bytes(const struct od_footing *footing, const unsigned char *page)
{
    return footing->page_bytes - (od_file_u16(page, od_file_page_upper_at) -
                                  (size_t)od_file_u16(page, od_file_page_lower_at));
}

// LMDB merges what is less than a quarter full with a neighbour, or fills it up from one.
static bool is_sparse(const struct od_footing *footing, const unsigned char *page)
{
    return used_bytes(footing, page) <= footing->page_bytes / 4;
}

// Whether it may be by now: each change may have taken the largest node from it.
static bool may_be_sparse(const struct od_footing *footing, const unsigned char *page)
{
    size_t node_bytes =
        od_file_page_is_leaf(page) ? footing->page_bytes / 2 : branch_node_bytes_max;
    return used_bytes(footing, page) <= footing->page_bytes / 4 + footing->changes * node_bytes;
}

// From the page [number] down to the first leaf below it, or the last. A leaf is level 1.
static const unsigned char *look_at_edge(struct od_footing *footing, uint64_t number,
                                         unsigned level, bool is_last)
{
    const unsigned char *page = page_at(footing, number, level == 1), *first = page;
    while (page != NULL && level > 1) {
        level--;
        size_t node = is_last ? od_file_page_nodes(page) - 1 : 0;
        page = page_at(footing, od_file_node_child(page, node), level == 1);
    }
    return page != NULL ? first : NULL;
}

static const unsigned char *look_at_neighbour(struct od_footing *footing,
                                              const unsigned char *branch, size_t node,
                                              unsigned level)
{
    uint64_t number = od_file_node_child(branch, node);
    return look_at_edge(footing, number, level, true) != NULL
               ? look_at_edge(footing, number, level, false)
               : NULL;
}

// Beside the page below [node], which is at [level]; on from a neighbour that is sparse itself.
static bool look_beside(struct od_footing *footing, const unsigned char *branch, size_t node,
                        unsigned level)
{
    const unsigned char *own =
        look_at_edge(footing, od_file_node_child(branch, node), level, false);
    if (own == NULL || !may_be_sparse(footing, own))
        return own != NULL;
    const unsigned char *page = NULL;
    for (size_t i = node; i > 0 && (page == NULL || is_sparse(footing, page)); i--) {
        page = look_at_neighbour(footing, branch, i - 1, level);
        if (page == NULL)
            return false;
    }
    page = NULL;
    for (size_t i = node + 1; i < od_file_page_nodes(branch); i++) {
        if (page != NULL && !is_sparse(footing, page))
            break;
        page = look_at_neighbour(footing, branch, i, level);
        if (page == NULL)
            return false;
    }
    return true;
}

// --- Paths ---------------------------------------------------------------------------------------

// The leaf in which [key] is or would be; NULL: the way to it is damaged.
static const unsigned char *walk_to(struct od_footing *footing, struct od_footing_tree tree,
                                    od_slice key, bool with_neighbours)
{
    uint64_t number = tree.root;
    for (unsigned level = tree.levels; level > 1; level--) {
        const unsigned char *branch = page_at(footing, number, false);
        if (branch == NULL)
            return NULL;
        size_t node = od_file_page_find(branch, key);
        if (with_neighbours && !look_beside(footing, branch, node, level - 1))
            return NULL;
        number = od_file_node_child(branch, node);
    }
    return page_at(footing, number, true);
}

// The node of the leaf that has just that key; false: none has.
static bool find_in(const unsigned char *leaf, od_slice key, size_t *node)
{
    *node = od_file_page_find(leaf, key);
    return *node < od_file_page_nodes(leaf) && od_slice_equal(od_file_node_key(leaf, *node), key);
}

static bool take_tree(struct od_footing_tree *tree, const unsigned char *table, unsigned kind)
{
    tree->root = od_file_u64(table, od_file_table_root_at);
    tree->levels = od_file_u16(table, od_file_table_depth_at);
    bool has_levels = tree->levels >= 1 && tree->levels <= od_file_depth_max;
    return (od_file_u16(table, table_flags_at) & kind_flags) == kind &&
           (has_levels || tree->root == OD_FILE_NO_PAGE);
}

static bool find_table(struct od_footing *footing, od_slice name, struct od_footing_tree *tree)
{
    size_t node;
    for (size_t i = 0; i < footing->table_count; i++) {
        *tree = footing->tables[i].tree;
        if (od_slice_equal(footing->tables[i].name, name))
            return true;
    }
    const unsigned char *leaf = walk_to(footing, footing->main, name, false);
    if (leaf == NULL || !find_in(leaf, name, &node))
        return false;
    struct od_file_value value = od_file_node_value(leaf, footing->page_bytes, node);
    if (!value.is_table || value.size != od_file_table_bytes ||
        !take_tree(tree, (const unsigned char *)value.bytes.at, 0))
        return false;
    OD_ASSERT(footing->table_count < OD_FOOTING_TABLES_MAX);
    footing->tables[footing->table_count++] = (struct od_footing_table){name, *tree};
    return true;
}

static bool look(struct od_footing *footing, od_slice table, od_slice key, bool with_neighbours,
                 od_slice *value)
{
    struct od_footing_tree tree;
    size_t node;
    *value = (od_slice){NULL, 0};
    if (!find_table(footing, table, &tree))
        return false;
    if (tree.root == OD_FILE_NO_PAGE)
        return true;
    const unsigned char *leaf = walk_to(footing, tree, key, with_neighbours);
    if (leaf == NULL || !find_in(leaf, key, &node))
        return leaf != NULL;
    struct od_file_value found = od_file_node_value(leaf, footing->page_bytes, node);
    *value = (od_slice){(const char *)value_at(footing, found), found.size};
    return value->at != NULL;
}

bool od_footing_is_sound(struct od_footing *footing, od_slice table, od_slice key,
                         bool with_neighbours)
{
    od_slice value;
    footing->changes++;
    return look(footing, table, key, with_neighbours, &value);
}

bool od_footing_get(struct od_footing *footing, od_slice table, od_slice key, od_slice *value)
{
    return look(footing, table, key, false, value);
}

// --- The list of free pages ----------------------------------------------------------------------

struct free_list {
    struct od_footing *footing;
    uint64_t looked_at; // Free pages.
};

// A count, and page numbers from the highest down.
static bool record_is_sound(struct free_list *list, const unsigned char *leaf, size_t node)
{
    const struct od_footing *footing = list->footing;
    struct od_file_value value = od_file_node_value(leaf, footing->page_bytes, node);
    const unsigned char *numbers = value_at(footing, value);
    if (numbers == NULL || od_file_node_key(leaf, node).size != free_key_bytes || value.size < 8)
        return false;
    uint64_t count = od_file_u64(numbers, 0), above = footing->page_count;
    if (count > value.size / 8 - 1)
        return false;
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number = od_file_u64(numbers, i * 8);
        if (number < 2 || number >= above)
            return false;
        above = number;
    }
    list->looked_at += count;
    return true;
}

// LMDB takes from the first records, and adds one behind the last.
static bool look_at_free_pages(struct free_list *list, uint64_t number, unsigned level,
                               bool has_last)
{
    const unsigned char *page = page_at(list->footing, number, level == 1);
    size_t nodes = page != NULL ? od_file_page_nodes(page) : 0;
    for (size_t i = 0; i < nodes; i++) {
        bool is_last = has_last && i + 1 == nodes;
        if (list->looked_at > OD_STORE_FREE_PAGES_LOOK && !is_last)
            continue;
        if (level > 1 ? !look_at_free_pages(list, od_file_node_child(page, i), level - 1, is_last)
                      : !record_is_sound(list, page, i))
            return false;
    }
    return page != NULL;
}

// --- The beginning -------------------------------------------------------------------------------

static bool is_meta(const struct od_footing *footing, uint64_t number)
{
    const unsigned char *page = footing->map + number * footing->page_bytes;
    return od_file_u64(page, od_file_page_number_at) == number &&
           od_file_u16(page, od_file_page_flags_at) == meta_flag &&
           od_file_u32(page, od_file_meta_magic_at) == OD_FILE_MAGIC &&
           od_file_u32(page, meta_version_at) == meta_version;
}

bool od_footing_begin(struct od_footing *footing, const unsigned char *map, size_t page_bytes,
                      uint64_t map_bytes, uint64_t committed)
{
    *footing = (struct od_footing){.map = map, .page_bytes = page_bytes, .committed = committed};
    const unsigned char *meta = map + committed % 2 * page_bytes; // Each has those of every other.
    uint64_t last_page = od_file_u64(meta, od_file_meta_last_page_at);
    if (!is_meta(footing, 0) || !is_meta(footing, 1) ||
        od_file_u64(meta, od_file_meta_txn_at) != committed ||
        od_file_u32(meta, od_file_meta_page_size_at) != page_bytes ||
        last_page >= map_bytes / page_bytes)
        return false;
    footing->page_count = last_page + 1;
    struct free_list list = {.footing = footing};
    struct od_footing_tree free_tree;
    return take_tree(&free_tree, meta + od_file_meta_free_at, free_table_kind) &&
           take_tree(&footing->main, meta + od_file_meta_main_at, 0) &&
           (free_tree.root == OD_FILE_NO_PAGE ||
            look_at_free_pages(&list, free_tree.root, free_tree.levels, true));
}
