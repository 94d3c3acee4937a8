// Whether the pages of the data file are pages, looked at before anybody trusts them.
//
// LMDB checks its first two pages and believes the rest: a file that was cut to nothing is a new
// one to it, and a page with wrong numbers sends it through memory, in the worst case while main
// writes. So before main opens the file this follows the trees from their roots through calls of
// the system, which cannot fault: each page must be one (file_page.h) and lie within the file.
//
// A small tree is looked at whole, of a large one all branches or only the root
// (OD_STORE_CHECK_PAGES_MAX): opening must not take the longer the more is stored. A file that is
// shorter than it says is looked at whole: LMDB leaves pages that nobody uses unwritten, so that is
// no proof of damage, but a good reason to suspect it.

#ifndef OD_STORE_FILE_CHECK_H
#define OD_STORE_FILE_CHECK_H

#include "base/error.h"

// False with what is wrong and what to do. No file, or one of another format: that is LMDB's to
// say.
OD_MUST_CHECK bool od_file_check(const char *directory, struct od_error *err);

// The same for every page, of a file that another process may write: who asks has a read
// transaction, so that what it looks at is not written over.
OD_MUST_CHECK bool od_file_check_all(const char *directory, struct od_error *err);

#endif
