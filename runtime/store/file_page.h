// A page of the data file, as bytes that nobody trusts yet.
//
// LMDB believes what its pages say: where a node lies, how long its key is, which page is below it.
// It moves bytes about by these numbers, also in memory that is not the page's. So what is asked
// here is more than whether the page can be read: its nodes have to lie within it and fill it from
// the end without a gap, as LMDB leaves them, and nothing may be larger than LMDB makes it.
//
// The layout is that of LMDB 0.9, version 1 of its data format. Bytes of keys and values have no
// check sum; what is wrong inside of them is met by who reads them.

#ifndef OD_STORE_FILE_PAGE_H
#define OD_STORE_FILE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/slice.h"

enum { // In bytes; numbers are in the machine's order.
    od_file_page_number_at = 0,
    od_file_page_flags_at = 10,
    od_file_page_lower_at = 12, // Of values on pages of their own: how many, 4 bytes.
    od_file_page_upper_at = 14,
    od_file_page_head_bytes = 16,
    od_file_page_bytes_max = 65536,
    od_file_depth_max = 32, // LMDB's.

    od_file_meta_magic_at = 16,
    od_file_meta_page_size_at = 40, // Of the first table's description.
    od_file_meta_free_at = 40,
    od_file_meta_main_at = 88,
    od_file_meta_last_page_at = 136,
    od_file_meta_txn_at = 144,
    od_file_meta_bytes = 152,

    od_file_table_depth_at = 6,
    od_file_table_branches_at = 8,
    od_file_table_leaves_at = 16,
    od_file_table_overflows_at = 24,
    od_file_table_root_at = 40,
    od_file_table_bytes = 48,
};

#define OD_FILE_MAGIC 0xBEEFC0DEu
#define OD_FILE_NO_PAGE UINT64_MAX // The root of an empty tree.

enum od_file_page_kind {
    OD_FILE_PAGE_BRANCH = 1,
    OD_FILE_PAGE_LEAF = 2,
    OD_FILE_PAGE_OVERFLOW = 4, // One value, on one page or several.
};

static inline uint16_t od_file_u16(const unsigned char *bytes, size_t at)
{
    uint16_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

static inline uint32_t od_file_u32(const unsigned char *bytes, size_t at)
{
    uint32_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

static inline uint64_t od_file_u64(const unsigned char *bytes, size_t at)
{
    uint64_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

// One page of a tree, [size] bytes that should be page [number] of a file with [page_count]. For
// each page it names [visit] is called with the number and how many pages it takes; 0: a page of
// the tree below. NULL: nobody asks for them. False when it is none, or a visit says so.
OD_MUST_CHECK bool od_file_page_is_sound(
    const unsigned char *page, size_t size, uint64_t number, uint64_t page_count,
    bool (*visit)(void *context, uint64_t number, uint64_t pages), void *context);

// Of [count] pages for one value, only the head.
OD_MUST_CHECK bool od_file_overflow_is_sound(const unsigned char *head, uint64_t number,
                                             uint64_t count);

static inline uint32_t od_file_overflow_pages(const unsigned char *head)
{
    return od_file_u32(head, od_file_page_lower_at);
}

// What follows is for pages that are sound.

static inline bool od_file_page_is_leaf(const unsigned char *page)
{
    return od_file_u16(page, od_file_page_flags_at) == OD_FILE_PAGE_LEAF;
}

size_t od_file_page_nodes(const unsigned char *page);
od_slice od_file_node_key(const unsigned char *page, size_t node);
uint64_t od_file_node_child(const unsigned char *branch, size_t node);

// What lies in the leaf itself. False: the value has [pages] pages of its own from [number] on.
struct od_file_value {
    od_slice bytes; // NULL: on pages of its own.
    uint64_t number, pages;
    uint64_t size;
    bool is_table;
};
struct od_file_value od_file_node_value(const unsigned char *leaf, size_t size, size_t node);

// Where [key] is or would be: in a leaf the first node that is not before it, in a branch the node
// whose pages hold it.
size_t od_file_page_find(const unsigned char *page, od_slice key);

#endif
