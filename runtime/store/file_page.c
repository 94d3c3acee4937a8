#include "store/file_page.h"

enum { // Of a node, in bytes.
    flags_at = 4,
    key_size_at = 6,
    head_bytes = 8,
    key_bytes_max = 511,

    is_big = 1,
    is_table = 2,
};

struct page {
    const unsigned char *bytes;
    size_t size;
    uint64_t page_count;
    bool (*visit)(void *context, uint64_t number, uint64_t pages);
    void *context;
};

static size_t even(size_t size)
{
    return size + size % 2;
}

// Two nodes fit a page, always.
static size_t node_bytes_max(size_t page_bytes)
{
    return (page_bytes - od_file_page_head_bytes) / 2;
}

static uint64_t pages_of(uint64_t value_bytes, size_t page_bytes)
{
    return (od_file_page_head_bytes + value_bytes + page_bytes - 1) / page_bytes;
}

static bool visit(const struct page *page, uint64_t number, uint64_t pages)
{
    bool is_inside = number >= 2 && number < page->page_count && pages <= page->page_count - number;
    return is_inside && (page->visit == NULL || page->visit(page->context, number, pages));
}

static uint64_t child_of(const unsigned char *node)
{
    return od_file_u32(node, 0) | (uint64_t)od_file_u16(node, flags_at) << 32;
}

static size_t branch_node_bytes(const struct page *page, size_t at)
{
    const unsigned char *node = page->bytes + at;
    return visit(page, child_of(node), 0) ? head_bytes + od_file_u16(node, key_size_at) : 0;
}

static size_t leaf_node_bytes(const struct page *page, size_t at)
{
    const unsigned char *node = page->bytes + at;
    size_t key_end = head_bytes + od_file_u16(node, key_size_at);
    uint64_t data = od_file_u32(node, 0);
    unsigned flags = od_file_u16(node, flags_at);
    if (flags == 0 || flags == is_table)
        return data <= page->size ? key_end + data : 0;
    if (flags != is_big || at + key_end + sizeof data > page->size)
        return 0;
    uint64_t number = od_file_u64(node, key_end);
    return visit(page, number, pages_of(data, page->size)) ? key_end + sizeof number : 0;
}

// How many bytes the node at [at] takes; 0: it is none.
static size_t node_bytes(const struct page *page, size_t at, bool in_branch)
{
    if (at % 2 != 0 || at + head_bytes > page->size ||
        od_file_u16(page->bytes + at, key_size_at) > key_bytes_max)
        return 0;
    size_t bytes = in_branch ? branch_node_bytes(page, at) : leaf_node_bytes(page, at);
    return bytes <= node_bytes_max(page->size) && at + bytes <= page->size ? even(bytes) : 0;
}

bool od_file_page_is_sound(const unsigned char *bytes, size_t size, uint64_t number,
                           uint64_t page_count,
                           bool (*visit_page)(void *context, uint64_t number, uint64_t pages),
                           void *context)
{
    const struct page page = {bytes, size, page_count, visit_page, context};
    uint16_t kind = od_file_u16(bytes, od_file_page_flags_at);
    size_t lower = od_file_u16(bytes, od_file_page_lower_at);
    size_t upper = od_file_u16(bytes, od_file_page_upper_at);
    bool in_branch = kind == OD_FILE_PAGE_BRANCH;
    if (od_file_u64(bytes, od_file_page_number_at) != number ||
        (!in_branch && kind != OD_FILE_PAGE_LEAF) ||
        lower < od_file_page_head_bytes + 2u * in_branch || lower % 2 != 0 || lower > upper ||
        upper > size)
        return false;
    size_t filled = 0;
    for (size_t at = od_file_page_head_bytes; at < lower; at += 2) {
        size_t node = od_file_u16(bytes, at);
        size_t taken = node < upper ? 0 : node_bytes(&page, node, in_branch);
        if (taken == 0)
            return false;
        filled += taken;
    }
    return filled == size - upper;
}

bool od_file_overflow_is_sound(const unsigned char *head, uint64_t number, uint64_t count)
{
    return od_file_u64(head, od_file_page_number_at) == number &&
           od_file_u16(head, od_file_page_flags_at) == OD_FILE_PAGE_OVERFLOW &&
           od_file_u32(head, od_file_page_lower_at) >= count;
}

// --- Nodes ---------------------------------------------------------------------------------------

static const unsigned char *node_at(const unsigned char *page, size_t node)
{
    return page + od_file_u16(page, od_file_page_head_bytes + 2 * node);
}

size_t od_file_page_nodes(const unsigned char *page)
{
    return (od_file_u16(page, od_file_page_lower_at) - (size_t)od_file_page_head_bytes) / 2;
}

od_slice od_file_node_key(const unsigned char *page, size_t node)
{
    const unsigned char *at = node_at(page, node);
    return (od_slice){(const char *)at + head_bytes, od_file_u16(at, key_size_at)};
}

uint64_t od_file_node_child(const unsigned char *branch, size_t node)
{
    return child_of(node_at(branch, node));
}

struct od_file_value od_file_node_value(const unsigned char *leaf, size_t size, size_t node)
{
    const unsigned char *at = node_at(leaf, node);
    const unsigned char *data = at + head_bytes + od_file_u16(at, key_size_at);
    struct od_file_value value = {.size = od_file_u32(at, 0)};
    value.is_table = od_file_u16(at, flags_at) == is_table;
    if (od_file_u16(at, flags_at) == is_big) {
        value.number = od_file_u64(data, 0);
        value.pages = pages_of(value.size, size);
    } else {
        value.bytes = (od_slice){(const char *)data, value.size};
    }
    return value;
}

// The first key of a branch is not there: it is before all others.
size_t od_file_page_find(const unsigned char *page, od_slice key)
{
    bool in_leaf = od_file_page_is_leaf(page);
    size_t low = in_leaf ? 0 : 1, high = od_file_page_nodes(page);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = od_slice_compare(od_file_node_key(page, middle), key);
        if (order < 0 || (order == 0 && !in_leaf))
            low = middle + 1;
        else
            high = middle;
    }
    return in_leaf ? low : low - 1;
}
