#include "store/file_check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/advice.h"
#include "store/file_page.h"
#include "store/limits.h"
#include "store/open_file.h"

struct pages {
    int fd;
    size_t page_bytes;
    uint64_t page_count; // Up to the last that is used, as the file says.
    uint64_t file_bytes;
    bool is_short; // The file has fewer.
    bool is_whole; // All of them are looked at.
    bool is_main;  // The tree that is looked at names the other tables.
    uint64_t bad;  // The page that is none.
};

struct tree {
    struct pages *pages;
    unsigned depth;  // Of the pages that are looked at; the root's is 1.
    unsigned levels; // Which are there.
    unsigned last;   // Deeper ones are not looked at.
};

// --- A tree --------------------------------------------------------------------------------------

static bool read_page(const struct pages *pages, uint64_t number, unsigned char *page)
{
    return pread(pages->fd, page, pages->page_bytes, (off_t)(number * pages->page_bytes)) ==
           (ssize_t)pages->page_bytes;
}

static bool overflow_is_sound(const struct pages *pages, uint64_t number, uint64_t count)
{
    unsigned char head[od_file_page_head_bytes];
    return (number + count) * pages->page_bytes <= pages->file_bytes &&
           pread(pages->fd, head, sizeof head, (off_t)(number * pages->page_bytes)) ==
               od_file_page_head_bytes &&
           od_file_overflow_is_sound(head, number, count);
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
    for (size_t i = 0; i < od_file_page_nodes(page); i++) {
        struct od_file_value value = od_file_node_value(page, pages->page_bytes, i);
        if (value.is_table && value.size == od_file_table_bytes &&
            !look_at_table(pages, (const unsigned char *)value.bytes.at))
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
                    od_file_page_is_leaf(page) == (tree->depth == tree->levels);
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
    uint64_t branches = od_file_u64(table, od_file_table_branches_at),
             leaves = od_file_u64(table, od_file_table_leaves_at);
    uint64_t overflows = od_file_u64(table, od_file_table_overflows_at);
    if (pages->is_short || pages->is_whole ||
        (branches <= OD_STORE_CHECK_PAGES_MAX && leaves <= OD_STORE_CHECK_PAGES_MAX &&
         overflows <= OD_STORE_CHECK_PAGES_MAX))
        return levels;
    return branches <= OD_STORE_CHECK_PAGES_MAX ? levels - 1 : 1;
}

static bool look_at_table(struct pages *pages, const unsigned char *table)
{
    uint64_t root = od_file_u64(table, od_file_table_root_at);
    unsigned levels = od_file_u16(table, od_file_table_depth_at);
    if (root == OD_FILE_NO_PAGE)
        return true;
    pages->bad = root >= 2 && root < pages->page_count && levels >= 1 && levels <= od_file_depth_max
                     ? 0
                     : root;
    struct tree tree = {.pages = pages, .levels = levels};
    tree.last = last_level(pages, table, levels);
    return pages->bad == 0 && look_at_page(&tree, root);
}

// --- The file ------------------------------------------------------------------------------------

static bool read_meta(struct pages *pages, uint64_t number, unsigned char *meta)
{
    return pread(pages->fd, meta, od_file_meta_bytes, (off_t)(number * pages->page_bytes)) ==
               od_file_meta_bytes &&
           od_file_u32(meta, od_file_meta_magic_at) == OD_FILE_MAGIC;
}

static bool take_size(struct pages *pages)
{
    unsigned char meta[od_file_meta_bytes];
    if (!read_meta(pages, 0, meta))
        return false;
    pages->page_bytes = od_file_u32(meta, od_file_meta_page_size_at);
    return pages->page_bytes >= 512 && pages->page_bytes <= od_file_page_bytes_max;
}

// The newer of the two descriptions counts. When one of them is none, LMDB refuses the file itself.
static bool look_at_file(struct pages *pages, bool *is_ours)
{
    unsigned char metas[2][od_file_meta_bytes];
    *is_ours = take_size(pages) && read_meta(pages, 0, metas[0]) && read_meta(pages, 1, metas[1]);
    if (!*is_ours)
        return true;
    const unsigned char *meta = metas[od_file_u64(metas[0], od_file_meta_txn_at) <
                                      od_file_u64(metas[1], od_file_meta_txn_at)];
    pages->page_count = od_file_u64(meta, od_file_meta_last_page_at) + 1;
    pages->is_short = pages->file_bytes / pages->page_bytes < pages->page_count;
    bool is_sound = look_at_table(pages, meta + od_file_meta_free_at);
    pages->is_main = true;
    return is_sound && look_at_table(pages, meta + od_file_meta_main_at);
}

static bool refuse(const char *directory, const struct pages *pages, struct od_error *err)
{
    if (pages->file_bytes == 0)
        return od_error_set(err, "cannot open %s/data.mdb: the file is empty, which it never was%s",
                            directory, od_advice_damaged(directory));
    return od_error_set(err, "cannot open %s/data.mdb: the file is damaged (page %llu%s)%s",
                        directory, (unsigned long long)pages->bad,
                        pages->is_short ? "; it is shorter than it was" : "",
                        od_advice_damaged(directory));
}

// False: there is nothing to look at.
static bool open_file(struct pages *pages, const char *path)
{
    struct stat status = {0};
    pages->fd = od_open_file(AT_FDCWD, path);
    bool is_open = pages->fd >= 0 && fstat(pages->fd, &status) == 0;
    if (pages->fd >= 0 && !is_open)
        close(pages->fd);
    pages->file_bytes = (uint64_t)status.st_size;
    return is_open;
}

bool od_file_check(const char *directory, struct od_error *err)
{
    char path[PATH_MAX];
    struct pages pages = {.bad = 0};
    snprintf(path, sizeof path, "%s/data.mdb", directory);
    if (!open_file(&pages, path))
        return true;
    bool is_ours = false;
    bool is_sound = pages.file_bytes > 0 && look_at_file(&pages, &is_ours);
    // What is missing at the end was never written: it is made up, so that the next start need not
    // look at everything, and nothing that goes astray ends behind the end of the file.
    if (is_sound && is_ours && pages.is_short)
        is_sound = truncate(path, (off_t)(pages.page_count * pages.page_bytes)) == 0;
    close(pages.fd);
    return is_sound || refuse(directory, &pages, err);
}

// Where the trees begin may be written in this moment: once more then.
bool od_file_check_all(const char *directory, struct od_error *err)
{
    char path[PATH_MAX];
    struct pages pages = {.is_whole = true};
    bool is_ours, is_sound = false;
    snprintf(path, sizeof path, "%s/data.mdb", directory);
    for (int tries = 0; !is_sound && tries < 2; tries++) {
        pages = (struct pages){.is_whole = true};
        if (!open_file(&pages, path))
            return od_error_errno(err, "cannot read %s", path);
        is_sound = look_at_file(&pages, &is_ours) && is_ours;
        close(pages.fd);
    }
    return is_sound || refuse(directory, &pages, err);
}
