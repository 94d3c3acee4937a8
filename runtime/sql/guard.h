// What statements of a script may do: read and write tables of their own database, and no more.
//
// Statements are not trusted, and parts of them perhaps come from strangers. So there are lists of
// what is allowed: functions, pragmas, kinds of virtual tables. What reaches outside of the file or
// around a transaction of the storage is refused, and every size has a limit (limits.h). Writes to
// SQLite's own tables it refuses by itself (DEFENSIVE).

#ifndef OD_SQL_GUARD_H
#define OD_SQL_GUARD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct od_sql_guard {
    bool is_trusted;   // A statement of our own is compiled or run.
    bool has_switched; // A PRAGMA has changed how the connection works.
    bool sees_more;    // Than new tables, indices, views and triggers, since it was last reset.
    bool sees_alter;   // What is compiled renames, and SQLite does not say to what.
    int64_t changes_before; // Rows written for other objects.
    const char *refusal;    // Why something was refused, in words of ours; NULL: SQLite's are good.
};

// [guard] must not move while [db] is open. Returns SQLite's codes.
int od_sql_guard_set(struct od_sql_guard *guard, sqlite3 *db);

// Whether a statement that renames, whose text it is, has a name in it that is ours.
bool od_sql_guard_names_ours(const char *text, size_t size);

#endif
