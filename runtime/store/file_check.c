#include "store/file_check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/limits.h"

enum { // Of LMDB's file, in bytes; numbers are in the machine's order.
    page_number_at = 0,
    page_flags_at = 10,
    page_lower_at = 12, // For an overflow: how many pages it takes, 4 bytes.
    page_upper_at = 14,
    page_head_bytes = 16,
    node_flags_at = 4,
    node_key_size_at = 6,
    node_head_bytes = 8,
    meta_magic_at = 16,
    meta_page_size_at = 40, // Of the first table's description.
    meta_free_at = 40,
    meta_main_at = 88,
    meta_last_page_at = 136,
    meta_txn_at = 144,
    meta_bytes = 152,
    table_depth_at = 6,
    table_branches_at = 8,
    table_leaves_at = 16,
    table_overflows_at = 24,
    table_root_at = 40,
    table_bytes = 48,
    page_bytes_max = 65536,
    depth_max = 32, // LMDB's.

    is_branch = 1,
    is_leaf = 2,
    is_overflow = 4,
    node_is_big = 1,
    node_is_table = 2,
};

static const uint32_t magic = 0xBEEFC0DE;
static const uint64_t no_page = UINT64_MAX; // The root of an empty tree.

struct pages {
    int fd;
    size_t page_bytes;
    uint64_t page_count; // Up to the last that is used, as the file says.
    uint64_t file_bytes;
    bool is_short; // The file has fewer.
    bool is_main;  // The tree that is looked at names the other tables.
    uint64_t bad;  // The page that is none.
};

struct tree {
    struct pages *pages;
    unsigned depth;  // Of the pages that are looked at; the root's is 1.
    unsigned levels; // Which are there.
    unsigned last;   // Deeper ones are not looked at.
};

static uint16_t u16_at(const unsigned char *bytes, size_t at)
{
    uint16_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

static uint32_t u32_at(const unsigned char *bytes, size_t at)
{
    uint32_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

static uint64_t u64_at(const unsigned char *bytes, size_t at)
{
    uint64_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

// --- One page ------------------------------------------------------------------------------------

struct page {
    const unsigned char *bytes;
    size_t size;
    uint64_t page_count;
    bool (*visit)(void *context, uint64_t number, uint64_t pages);
    void *context;
};

static bool visit(const struct page *page, uint64_t number, uint64_t pages)
{
    bool is_inside = number >= 2 && number < page->page_count && pages <= page->page_count - number;
    return is_inside && page->visit(page->context, number, pages);
}

static bool node_is_sound(const struct page *page, size_t at, bool in_branch)
{
    const unsigned char *node = page->bytes + at;
    size_t key_end = at + node_head_bytes + u16_at(node, node_key_size_at);
    if (key_end > page->size)
        return false;
    if (in_branch)
        return visit(page, u32_at(node, 0) | (uint64_t)u16_at(node, node_flags_at) << 32, 0);
    uint64_t data = u32_at(node, 0);
    if ((u16_at(node, node_flags_at) & node_is_big) == 0)
        return key_end + data <= page->size;
    uint64_t pages = (page_head_bytes + data + page->size - 1) / page->size;
    return key_end + 8 <= page->size && visit(page, u64_at(page->bytes, key_end), pages);
}

bool od_file_page_is_sound(const unsigned char *bytes, size_t size, uint64_t number,
                           uint64_t page_count,
                           bool (*visit_page)(void *context, uint64_t number, uint64_t pages),
                           void *context)
{
    const struct page page = {bytes, size, page_count, visit_page, context};
    uint16_t kind = u16_at(bytes, page_flags_at), lower = u16_at(bytes, page_lower_at);
    uint16_t upper = u16_at(bytes, page_upper_at);
    bool in_branch = kind == is_branch;
    if (u64_at(bytes, page_number_at) != number || (!in_branch && kind != is_leaf) ||
        lower < page_head_bytes || lower % 2 != 0 || lower > upper || upper > size)
        return false;
    for (size_t at = page_head_bytes; at < lower; at += 2) {
        size_t node = u16_at(bytes, at);
        if (node < upper || node % 2 != 0 || node + node_head_bytes > size ||
            !node_is_sound(&page, node, in_branch))
            return false;
    }
    return true;
}

// --- A tree --------------------------------------------------------------------------------------

static bool read_page(const struct pages *pages, uint64_t number, unsigned char *page)
{
    return pread(pages->fd, page, pages->page_bytes, (off_t)(number * pages->page_bytes)) ==
           (ssize_t)pages->page_bytes;
}

static bool overflow_is_sound(const struct pages *pages, uint64_t number, uint64_t count)
{
    unsigned char head[page_head_bytes];
    return (number + count) * pages->page_bytes <= pages->file_bytes &&
           pread(pages->fd, head, sizeof head, (off_t)(number * pages->page_bytes)) ==
               page_head_bytes &&
           u64_at(head, page_number_at) == number && u16_at(head, page_flags_at) == is_overflow &&
           u32_at(head, page_lower_at) >= count;
}

static bool look_at_page(struct tree *tree, uint64_t number);

static bool look_below(void *context, uint64_t number, uint64_t count)
{
    struct tree *tree = context;
    if (count > 0) {
        bool is_sound = overflow_is_sound(tree->pages, number, count);
        tree->pages->bad = is_sound ? 0 : number;
        return is_sound;
    }
    if (tree->depth >= tree->levels)
        return false; // A branch where a leaf belongs.
    return tree->depth >= tree->last || look_at_page(tree, number);
}

static bool look_at_table(struct pages *pages, const unsigned char *table);

// In the tree that names the others.
static bool look_at_tables(struct pages *pages, const unsigned char *page)
{
    size_t lower = u16_at(page, page_lower_at);
    for (size_t at = page_head_bytes; at < lower; at += 2) {
        const unsigned char *node = page + u16_at(page, at);
        bool is_table = (u16_at(node, node_flags_at) & node_is_table) != 0;
        if (is_table && u32_at(node, 0) == table_bytes &&
            !look_at_table(pages, node + node_head_bytes + u16_at(node, node_key_size_at)))
            return false;
    }
    return true;
}

static bool look_at_page(struct tree *tree, uint64_t number)
{
    struct pages *pages = tree->pages;
    unsigned char *page = od_allocate(pages->page_bytes);
    tree->depth++;
    bool is_sound = read_page(pages, number, page) &&
                    od_file_page_is_sound(page, pages->page_bytes, number, pages->page_count,
                                          look_below, tree) &&
                    (u16_at(page, page_flags_at) == is_leaf) == (tree->depth == tree->levels);
    if (!is_sound && pages->bad == 0)
        pages->bad = number;
    if (is_sound && pages->is_main && tree->depth == tree->levels) {
        pages->is_main = false;
        is_sound = look_at_tables(pages, page);
        pages->is_main = true;
    }
    tree->depth--;
    free(page);
    return is_sound;
}

// How deep it is worth to look.
static unsigned last_level(const struct pages *pages, const unsigned char *table, unsigned levels)
{
    uint64_t branches = u64_at(table, table_branches_at), leaves = u64_at(table, table_leaves_at);
    uint64_t overflows = u64_at(table, table_overflows_at);
    if (pages->is_short ||
        (branches <= OD_STORE_CHECK_PAGES_MAX && leaves <= OD_STORE_CHECK_PAGES_MAX &&
         overflows <= OD_STORE_CHECK_PAGES_MAX))
        return levels;
    return branches <= OD_STORE_CHECK_PAGES_MAX ? levels - 1 : 1;
}

static bool look_at_table(struct pages *pages, const unsigned char *table)
{
    uint64_t root = u64_at(table, table_root_at);
    unsigned levels = u16_at(table, table_depth_at);
    if (root == no_page)
        return true;
    pages->bad =
        root >= 2 && root < pages->page_count && levels >= 1 && levels <= depth_max ? 0 : root;
    struct tree tree = {.pages = pages, .levels = levels};
    tree.last = last_level(pages, table, levels);
    return pages->bad == 0 && look_at_page(&tree, root);
}

// --- The file ------------------------------------------------------------------------------------

static bool read_meta(struct pages *pages, uint64_t number, unsigned char *meta)
{
    return pread(pages->fd, meta, meta_bytes, (off_t)(number * pages->page_bytes)) == meta_bytes &&
           u32_at(meta, meta_magic_at) == magic;
}

static bool take_size(struct pages *pages)
{
    unsigned char meta[meta_bytes];
    if (!read_meta(pages, 0, meta))
        return false;
    pages->page_bytes = u32_at(meta, meta_page_size_at);
    return pages->page_bytes >= 512 && pages->page_bytes <= page_bytes_max;
}

// The newer of the two descriptions counts. When one of them is none, LMDB refuses the file itself.
static bool look_at_file(struct pages *pages, bool *is_ours)
{
    unsigned char metas[2][meta_bytes];
    *is_ours = take_size(pages) && read_meta(pages, 0, metas[0]) && read_meta(pages, 1, metas[1]);
    if (!*is_ours)
        return true;
    const unsigned char *meta =
        metas[u64_at(metas[0], meta_txn_at) < u64_at(metas[1], meta_txn_at)];
    pages->page_count = u64_at(meta, meta_last_page_at) + 1;
    pages->is_short = pages->file_bytes / pages->page_bytes < pages->page_count;
    bool is_sound = look_at_table(pages, meta + meta_free_at);
    pages->is_main = true;
    return is_sound && look_at_table(pages, meta + meta_main_at);
}

static bool refuse(const char *path, const struct pages *pages, struct od_error *err)
{
    if (pages->file_bytes == 0)
        return od_error_set(err,
                            "cannot open %s: the file is empty, which it never was; restore the "
                            "directory from a backup, or move it away to begin with an empty one",
                            path);
    return od_error_set(err,
                        "cannot open %s: the file is damaged (page %llu%s); restore the directory "
                        "from a backup, or move it away to begin with an empty one",
                        path, (unsigned long long)pages->bad,
                        pages->is_short ? "; it is shorter than it was" : "");
}

bool od_file_check(const char *directory, struct od_error *err)
{
    char path[PATH_MAX];
    struct stat status = {0};
    snprintf(path, sizeof path, "%s/data.mdb", directory);
    struct pages pages = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (pages.fd < 0 || fstat(pages.fd, &status) != 0) {
        if (pages.fd >= 0)
            close(pages.fd);
        return true;
    }
    bool is_ours = false;
    pages.file_bytes = (uint64_t)status.st_size;
    bool is_sound = pages.file_bytes > 0 && look_at_file(&pages, &is_ours);
    // What is missing at the end was never written: it is made up, so that the next start need not
    // look at everything, and nothing that goes astray ends behind the end of the file.
    if (is_sound && is_ours && pages.is_short)
        is_sound = truncate(path, (off_t)(pages.page_count * pages.page_bytes)) == 0;
    close(pages.fd);
    return is_sound || refuse(path, &pages, err);
}
