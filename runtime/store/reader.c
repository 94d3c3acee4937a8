#include "store/reader.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/alarm_rows.h"
#include "store/directory.h"
#include "store/rows.h"

struct od_reader {
    struct od_env *env;
    struct od_env_reader inner;
    bool is_reading; // The transaction shows a moment; otherwise it is reset.
};

// Ends the process unless [code] is good; false for "not found".
static bool check(int code)
{
    if (code != 0 && code != MDB_NOTFOUND)
        od_panic(__FILE__, __LINE__, "cannot read the data file: %s", od_env_reason(code));
    return code == 0;
}

bool od_reader_open(struct od_reader **result, const char *directory, struct od_error *err)
{
    struct od_reader *reader = od_allocate_zeroed(sizeof *reader);
    *result = NULL;
    if (!od_env_open(&reader->env, directory, false, err)) {
        free(reader);
        return false;
    }
    int code = od_env_reader_open(reader->env, &reader->inner);
    if (code == 0) {
        *result = reader;
        return true;
    }
    od_error_set(err, "cannot read %s/data.mdb: %s", directory, od_env_reason(code));
    od_env_close(reader->env);
    free(reader);
    return false;
}

void od_reader_close(struct od_reader *reader)
{
    od_reader_reset(reader);
    od_env_reader_close(reader->env, &reader->inner);
    od_env_close(reader->env);
    free(reader);
}

void od_reader_reset(struct od_reader *reader)
{
    if (reader->is_reading)
        od_env_reader_end(reader->env, &reader->inner);
    reader->is_reading = false;
}

static MDB_txn *transaction(struct od_reader *reader)
{
    if (reader->is_reading)
        return reader->inner.txn;
    OD_ASSERT(reader->env->pid == getpid());
    check(od_env_reader_begin(reader->env, &reader->inner));
    reader->is_reading = true;
    return reader->inner.txn;
}

bool od_reader_find(struct od_reader *reader, const uint8_t id[OD_ID_BYTES], uint64_t *number,
                    struct od_identity *identity)
{
    return check(od_directory_find(reader->env, transaction(reader), id, number, identity));
}

void od_reader_list(struct od_reader *reader, od_slice space, struct od_bytes *identities)
{
    (void)check(od_directory_list(reader->env, transaction(reader), space, identities));
}

static struct od_rows rows_of(struct od_reader *reader, od_slot slot, uint64_t number)
{
    return (struct od_rows){transaction(reader), reader->env->data, slot, number};
}

bool od_reader_get(struct od_reader *reader, od_slot slot, uint64_t number, od_slice key,
                   od_slice *value)
{
    struct od_rows rows = rows_of(reader, slot, number);
    return check(od_rows_get(&rows, key, value));
}

bool od_reader_get_page(struct od_reader *reader, od_slot slot, uint64_t number, uint32_t page,
                        od_slice *squeezed)
{
    struct od_rows rows = rows_of(reader, slot, number);
    return check(od_rows_get_page(&rows, page, squeezed));
}

bool od_reader_alarm(struct od_reader *reader, od_slot slot, uint64_t number,
                     struct od_alarm *alarm)
{
    struct od_rows rows = rows_of(reader, slot, number);
    return check(od_alarm_row_get(&rows, alarm));
}

uint64_t od_reader_count_alarms(struct od_reader *reader)
{
    MDB_stat stat;
    return check(mdb_stat(transaction(reader), reader->env->alarms, &stat)) ? stat.ms_entries : 0;
}

void od_reader_walk_alarms(struct od_reader *reader, const struct od_alarm_place *place,
                           bool (*visit)(void *context, const struct od_alarm_place *place),
                           void *context)
{
    check(od_alarm_order_walk(reader->env, transaction(reader), place, visit, context));
}

void od_reader_walk(struct od_reader *reader, od_slot slot, uint64_t number,
                    const struct od_bounds *bounds, bool reverse,
                    bool (*visit)(void *context, od_slice key, od_slice value), void *context)
{
    struct od_rows rows = rows_of(reader, slot, number);
    check(od_rows_walk(&rows, bounds, reverse, visit, context));
}
