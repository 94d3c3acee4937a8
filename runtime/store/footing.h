// What a write stands on: the pages that LMDB will walk over and change, looked at before it does.
//
// A page that is damaged while the server runs (a disk that fails, a tool that writes to the wrong
// file) is believed by LMDB, which copies it into memory and moves its nodes by its own wrong
// numbers: over other memory of main, or round and round. So before each key is written the path to
// it is looked at, and damage is an error of that write instead.
//
// The look is at the tree as it was committed, where the file is mapped. A page of the transaction
// itself is sound; any other that LMDB comes to for a key is on the way to that key in the
// committed tree too, or, when a page has become so empty that it is merged, beside it. A page is
// looked at once in a transaction.
//
// From the list of free pages LMDB takes where it writes, so a wrong one would put new pages over
// what is stored. It is looked at when the transaction begins, as far as one is likely to take from
// it. Without it, or without what says where the trees are, nothing can be written at all.
//
// Process: main. Thread: of its owner (write.h). It reads what may not be there: only in a call of
// mapped.h.

#ifndef OD_STORE_FOOTING_H
#define OD_STORE_FOOTING_H

#include "store/file_page.h"

#define OD_FOOTING_SEEN 2048u // A power of two.

struct od_footing_tree {
    uint64_t root;
    unsigned levels;
};

#define OD_FOOTING_TABLES_MAX 5u

struct od_footing_table {
    od_slice name;
    struct od_footing_tree tree;
};

struct od_footing {
    const unsigned char *map; // NULL: it was not begun.
    size_t page_bytes;
    uint64_t page_count;
    struct od_footing_tree main;                           // Names the others,
    struct od_footing_table tables[OD_FOOTING_TABLES_MAX]; // of which these were found.
    size_t table_count;
    uint64_t committed;             // The transaction.
    uint64_t changes;               // Keys that the transaction may have changed.
    uint64_t seen[OD_FOOTING_SEEN]; // Pages, by their number; a later one takes the place.
};

// Behind the transaction [committed], in the file mapped at [map]. False: nothing can be written.
OD_MUST_CHECK bool od_footing_begin(struct od_footing *footing, const unsigned char *map,
                                    size_t page_bytes, uint64_t map_bytes, uint64_t committed);

// Whether [key] can be read, put or, with_neighbours, deleted in the table with that name.
OD_MUST_CHECK bool od_footing_is_sound(struct od_footing *footing, od_slice table, od_slice key,
                                       bool with_neighbours);

// The same for reading; what was committed under [key], or NULL: nothing.
OD_MUST_CHECK bool od_footing_get(struct od_footing *footing, od_slice table, od_slice key,
                                  od_slice *value);

#endif
