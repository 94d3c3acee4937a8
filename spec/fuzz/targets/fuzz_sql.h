// A storage in an empty data directory of its own, for the targets of SQL. Nothing is ever
// stored: an input ends with all that it wrote being forgotten.

#ifndef OD_FUZZ_SQL_H
#define OD_FUZZ_SQL_H

#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "fuzz.h"
#include "sql/sql.h"
#include "store/committer.h"
#include "store/store.h"

#define FUZZ_SQL_MS 200 // So long may one input take.

static inline void fuzz_nobody_hears(void *owner, uint32_t source, od_seq seq)
{
    (void)owner;
    (void)source;
    (void)seq;
}

static inline struct od_store *fuzz_store(void)
{
    static struct od_store *store;
    static char directory[] = "/tmp/open-do-fuzz-XXXXXX";
    static uv_loop_t loop;
    struct od_committer *committer;
    struct od_committer_events events = {.durable = fuzz_nobody_hears,
                                         .applied = fuzz_nobody_hears};
    struct od_error err;
    if (store != NULL)
        return store;
    uv_loop_init(&loop);
    if (mkdtemp(directory) == NULL ||
        od_committer_open(&committer, &loop, directory, -1, NULL, &events, NULL, &err) !=
            OD_COMMITTER_OPEN ||
        !od_store_open(&store, directory, &err))
        abort();
    char command[64]; // What is open stays so without its name.
    snprintf(command, sizeof command, "rm -r %s", directory);
    if (system(command) != 0)
        abort();
    return store;
}

static inline void fuzz_storage(struct od_storage *storage)
{
    static const struct od_identity identity = {.space = {"fuzz", 4}};
    od_storage_init(storage, fuzz_store(), &identity);
}

// Everything goes: what is open as in a reset, and what was sealed because nobody stores it.
static inline void fuzz_storage_end(struct od_storage *storage)
{
    struct od_submission submission;
    od_storage_discard(storage);
    while (od_store_next_submission(storage->store, &submission))
        OD_ASSERT(od_submission_is_valid(submission.batches));
    od_store_end_turn(storage->store);
    od_store_applied(storage->store, UINT64_MAX);
    od_storage_deinit(storage);
}

// Runs [text]; the first value of its first row, when it is text, goes to [first].
static inline enum od_sql_end fuzz_exec(struct od_storage *storage, od_slice text, int64_t until_us,
                                        char *first, size_t first_size)
{
    struct od_bytes bytes = {0};
    struct od_error err;
    struct od_sql_query query = {.text = text, .deadline_us = until_us};
    struct od_sql_result result = {.bytes = &bytes};
    enum od_sql_end end = od_sql_exec(storage, &query, &result, &err);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&bytes));
    for (uint32_t i = 0; end == OD_SQL_DONE && i < result.column_count; i++)
        od_cursor_string(&cursor);
    for (uint64_t i = 0; end == OD_SQL_DONE && i < result.row_count * result.column_count; i++) {
        struct od_sql_value value;
        od_sql_value_read(&cursor, &value);
        if (i == 0 && first != NULL)
            snprintf(first, first_size, "%.*s", (int)value.bytes.size, value.bytes.at);
    }
    OD_ASSERT(end != OD_SQL_DONE || (!cursor.failed && od_cursor_at_end(&cursor)));
    od_bytes_deinit(&bytes);
    return end;
}

#endif
