// Rows of pages in which a database keeps nothing: they are dropped when a stretch is sealed.
//
// SQLite keeps the pages it does not use in a list inside the file and never reads what is in them.
// So their rows can go, and deleted data gives its room back without a VACUUM. The list is a chain
// of trunk pages with the numbers of free ones; whatever joins it changes a trunk, so only trunks
// that this stretch has written are looked at.

#ifndef OD_SQL_FREELIST_H
#define OD_SQL_FREELIST_H

#include "store/storage.h"

void od_sql_freelist_drop(struct od_storage *storage); // Before it is sealed.

#endif
