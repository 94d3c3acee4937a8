// Whether the pages of the data file are pages, looked at before anybody trusts them.
//
// LMDB checks its first two pages and believes the rest: a file that was cut to nothing is a new
// one to it, and a page with wrong numbers sends it through memory, in the worst case while main
// writes. So before main opens the file this follows the trees from their roots through calls of
// the system, which cannot fault: each page must bear its own number, lie within the file, and hold
// nodes that lie within it.
//
// A small tree is looked at whole, of a large one all branches or only the root
// (OD_STORE_CHECK_PAGES_MAX): opening must not take the longer the more is stored. A file that is
// shorter than it says is looked at whole: LMDB leaves pages that nobody uses unwritten, so that is
// no proof of damage, but a good reason to suspect it.
//
// The layout is that of LMDB 0.9, version 1 of its data format. Bytes of values have no check sum;
// what is wrong inside of them is met by who reads them.

#ifndef OD_STORE_FILE_CHECK_H
#define OD_STORE_FILE_CHECK_H

#include <stdint.h>

#include "base/error.h"

// False with what is wrong and what to do. No file, or one of another format: that is LMDB's to
// say.
OD_MUST_CHECK bool od_file_check(const char *directory, struct od_error *err);

// One page of a tree, [size] bytes that should be page [number] of a file with [page_count]. For
// each page it names [visit] is called with the number and how many pages it takes; 0: a page of
// the tree below. False when it is none, or a visit says so.
OD_MUST_CHECK bool od_file_page_is_sound(
    const unsigned char *page, size_t size, uint64_t number, uint64_t page_count,
    bool (*visit)(void *context, uint64_t number, uint64_t pages), void *context);

#endif
