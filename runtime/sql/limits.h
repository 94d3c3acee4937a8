// The limits of SQL, each with a name. The statements come from scripts, and what they hold perhaps
// from strangers. Sources: Cloudflare's values where theirs are known, ours otherwise.

#ifndef OD_SQL_LIMITS_H
#define OD_SQL_LIMITS_H

#include "store/limits.h"

#define OD_SQL_TEXT_BYTES_MAX 100000u     // [Cloudflare]
#define OD_SQL_VALUE_BYTES_MAX (2u << 20) // A value, and a row. [Cloudflare]
#define OD_SQL_COLUMNS_MAX 100            // [Cloudflare]
#define OD_SQL_BINDINGS_MAX 100           // [Cloudflare]
#define OD_SQL_DEPTH_MAX 100              // Of an expression. [Cloudflare]
#define OD_SQL_COMPOUND_MAX 5             // SELECTs in a UNION. [Cloudflare]
#define OD_SQL_STEPS_MAX 25000            // Instructions of one statement's program. [Cloudflare]
#define OD_SQL_ARGUMENTS_MAX 127          // Of a function. [Cloudflare]
#define OD_SQL_PATTERN_BYTES_MAX 50       // Of LIKE and GLOB. [Cloudflare]
#define OD_SQL_TRIGGERS_MAX 10            // Inside each other. [Cloudflare]
#define OD_SQL_ROWS_BYTES_MAX (64u << 20) // What one exec returns, as a list() may.
#define OD_SQL_STEPS_A_LOOK_MIN 10        // Steps between two looks at the clock,
#define OD_SQL_STEPS_A_LOOK_BEGIN 100
#define OD_SQL_STEPS_A_LOOK_MAX 10000       // which are more where steps take less.
#define OD_SQL_PATCH_COST_MAX 400000000u    // Members times members that json_patch compares.
#define OD_SQL_PLAIN_CALLS_MAX 16           // Compiled calls of SQLite's own functions.
#define OD_SQL_STATEMENTS_MAX 16            // Compiled ones that a connection keeps,
#define OD_SQL_STATEMENTS_BYTES (32u << 10) // and their text.
#define OD_SQL_BIRTHS_MAX 16                // Texts of first statements that are known (birth.h),
#define OD_SQL_BIRTH_TEXT_BYTES_MAX 8192    // and of each the text
#define OD_SQL_BIRTH_PAGES_MAX 32           // and the pages.
#define OD_SQL_COPY_PAGES_MAX 512           // That are taken out at once: 2 MiB.

// A connection reads through LMDB's map, so its own cache need not be large.
#define OD_SQL_CACHE_KIB 128
#define OD_SQL_OPEN_MAX 128                  // Connections of a worker that belong to an object,
#define OD_SQL_IDLE_MAX 16                   // that wait for one,
#define OD_SQL_CONNECTIONS_BYTES (64u << 20) // and what all may hold; then the oldest go.
#define OD_SQL_HEAP_BYTES_MAX ((size_t)128 << 20) // Of all: what needs more fails.

#endif
