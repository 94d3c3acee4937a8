// SQLite's idea of a file, made of the pages of a storage.
//
// A database is the pages of one object and nothing else: journals and temporary tables are kept in
// memory, and the system's files are out of reach, as the VFS that knows them is not there. SQLite
// writes only inside COMMIT, and what it writes lands in the open stretch of the storage; to sync
// is the matter of whoever seals that.
//
// A write never fails. SQLite would try to put the old pages back, which would fail too, and a
// damaged database would be left. What must be refused is refused before, by the commit hook
// (connection.c).
//
// A page has 4,096 bytes, of which SQLite leaves 16 alone, so that what is stored of it fits a page
// of LMDB with its head.

#ifndef OD_SQL_VFS_H
#define OD_SQL_VFS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "store/storage.h"

#define OD_SQL_PAGE_BYTES 4096
#define OD_SQL_RESERVED_BYTES 16

struct od_sql_file {
    sqlite3_file base;
    struct od_storage *storage; // NULL: none, and it cannot be read.
    char version[16];           // Another one for each storage.
};

int od_sql_vfs_register(void); // As the only one. Returns SQLite's codes.

// The next database that is opened has its pages in [storage].
void od_sql_vfs_open_next(struct od_storage *storage);
struct od_sql_file *od_sql_vfs_file(sqlite3 *db);

// The file has the pages of [storage] from now on: to whoever locks it next it is as if another
// process had written all of it.
void od_sql_vfs_set_storage(struct od_sql_file *file, struct od_storage *storage);

// The whole page [number], OD_SQL_PAGE_BYTES: what is stored of it, and zeros behind. False: it is
// damaged.
OD_MUST_CHECK bool od_sql_vfs_get_page(struct od_storage *storage, uint32_t number, char *page);
uint32_t od_sql_vfs_count_pages(struct od_storage *storage); // 0, too, when the first is damaged.

// Whether a first page says that the database needs no log beside it, and moves no pages to get
// shorter: the VFS knows neither.
bool od_sql_vfs_is_plain(const char *page);

#endif
