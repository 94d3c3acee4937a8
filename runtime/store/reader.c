#include "store/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/alarm_rows.h"
#include "store/directory.h"
#include "store/mapped.h"
#include "store/rows.h"

struct od_reader {
    struct od_env *env;
    struct od_env_reader inner;
    bool is_reading; // The transaction shows a moment; otherwise it is reset.
    int failure;     // Of the last question; 0: it was answered.
    unsigned depth;  // Of questions: a visitor may ask.
};

// What is asked, with room for the answer. Each question uses the fields it needs.
struct question {
    struct od_reader *reader;
    const uint8_t *id;
    uint64_t *number;
    struct od_identity *identity;
    od_slice space;
    struct od_bytes *identities;
    struct od_rows rows;
    od_slice key;
    uint32_t page;
    od_slice *value;
    struct od_alarm_row *alarm;
    enum od_row_kind kind;
    uint64_t count;
    struct od_measure *measure;
    struct od_journal_mark *mark;
    const struct od_alarm_place *place;
    od_alarm_visit *visit_alarm;
    const struct od_bounds *bounds;
    bool reverse;
    od_rows_visit *visit_row;
    bool (*visit_identity)(void *context, od_slice place, const struct od_identity *identity);
    void *context;
};

void od_reader_reset(struct od_reader *reader)
{
    OD_ASSERT(reader->depth == 0);
    if (reader->is_reading)
        od_env_reader_end(reader->env, &reader->inner);
    reader->is_reading = false;
}

// Every answer comes through here. False for "not found", and when there is no answer.
static bool ask(struct od_reader *reader, int (*answer)(void *question), struct question *question)
{
    OD_ASSERT(reader->depth == 0 || reader->is_reading);
    question->reader = reader;
    int code = 0;
    if (!reader->is_reading) {
        OD_ASSERT(reader->env->pid == getpid());
        code = od_env_reader_begin(reader->env, &reader->inner);
        reader->is_reading = code == 0;
    }
    if (code == 0) {
        question->rows.txn = reader->inner.txn;
        question->rows.data = reader->env->data;
        reader->depth++;
        code = od_mapped_call(answer, question);
        reader->depth--;
    }
    reader->failure = code == MDB_NOTFOUND ? 0 : code;
    if (reader->failure != 0 && reader->depth == 0)
        od_reader_reset(reader); // LMDB answers nothing more in a transaction that met damage.
    return code == 0;
}

bool od_reader_has_failed(const struct od_reader *reader, struct od_error *err)
{
    if (reader->failure == 0)
        return false;
    od_error_set(err, "cannot read what is stored in %s/data.mdb: %s%s",
                 reader->env->directory_path, od_env_reason(reader->failure),
                 od_env_advice(reader->env, reader->failure));
    return true;
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

bool od_reader_has_files(const struct od_reader *reader, const struct od_store_files *files,
                         struct od_error *err)
{
    return od_store_files_equal(&reader->env->files, files) ||
           od_error_set(err, "cannot read %s/data.mdb: %s", reader->env->directory_path,
                        od_env_reason(ESTALE));
}

void od_reader_close(struct od_reader *reader)
{
    OD_ASSERT(reader->depth == 0);
    od_reader_reset(reader);
    od_env_reader_close(reader->env, &reader->inner);
    od_env_close(reader->env);
    free(reader);
}

const char *od_reader_directory(const struct od_reader *reader)
{
    return reader->env->directory_path;
}

static int find(void *argument)
{
    struct question *q = argument;
    return od_directory_find(q->reader->env, q->rows.txn, q->id, q->number, q->identity);
}

bool od_reader_find(struct od_reader *reader, const uint8_t id[OD_ID_BYTES], uint64_t *number,
                    struct od_identity *identity)
{
    return ask(reader, find, &(struct question){.id = id, .number = number, .identity = identity});
}

static int mark(void *argument)
{
    struct question *q = argument;
    MDB_val stored, key = od_env_value(OD_SLICE("journal"));
    int code = mdb_get(q->rows.txn, q->reader->env->meta, &key, &stored);
    if (code == 0 && !od_journal_mark_read(q->mark, od_env_slice(stored)))
        code = MDB_CORRUPTED;
    return code;
}

bool od_reader_mark(struct od_reader *reader, struct od_journal_mark *found)
{
    return ask(reader, mark, &(struct question){.mark = found});
}

static int list(void *argument)
{
    struct question *q = argument;
    return od_directory_list(q->reader->env, q->rows.txn, q->space, q->identities);
}

void od_reader_list(struct od_reader *reader, od_slice space, struct od_bytes *identities)
{
    (void)ask(reader, list, &(struct question){.space = space, .identities = identities});
}

static int walk_directory(void *argument)
{
    struct question *q = argument;
    return od_directory_walk(q->reader->env, q->rows.txn, q->key, q->visit_identity, q->context);
}

void od_reader_walk_directory(struct od_reader *reader, od_slice after,
                              bool (*visit)(void *context, od_slice place,
                                            const struct od_identity *identity),
                              void *context)
{
    (void)ask(reader, walk_directory,
              &(struct question){.key = after, .visit_identity = visit, .context = context});
}

// Whoever gets the value reads it when this is over.
static int get(void *argument)
{
    struct question *q = argument;
    int code = od_rows_get(&q->rows, q->key, q->value);
    if (code == 0)
        od_mapped_touch(od_env_value(*q->value));
    return code;
}

bool od_reader_get(struct od_reader *reader, od_slot slot, uint64_t number, od_slice key,
                   od_slice *value)
{
    OD_ASSERT(key.size <= OD_STORE_KEY_BYTES_MAX);
    return ask(
        reader, get,
        &(struct question){.rows = {.slot = slot, .number = number}, .key = key, .value = value});
}

static int get_alarm(void *argument)
{
    struct question *q = argument;
    int code = od_alarm_rows_get(&q->rows, q->key, q->alarm);
    if (code == 0)
        od_mapped_touch(od_env_value(q->alarm->body));
    return code;
}

static int get_page(void *argument)
{
    struct question *q = argument;
    return od_rows_get_page(&q->rows, q->page, q->value);
}

bool od_reader_get_page(struct od_reader *reader, od_slot slot, uint64_t number, uint32_t page,
                        od_slice *squeezed)
{
    OD_ASSERT(page > 0);
    return ask(reader, get_page,
               &(struct question){
                   .rows = {.slot = slot, .number = number}, .page = page, .value = squeezed});
}

bool od_reader_alarm(struct od_reader *reader, od_slot slot, uint64_t number, od_slice name,
                     struct od_alarm_row *row)
{
    return ask(
        reader, get_alarm,
        &(struct question){.rows = {.slot = slot, .number = number}, .key = name, .alarm = row});
}

static int measure_rows(void *argument)
{
    struct question *q = argument;
    return od_rows_measure(&q->rows, q->count, q->measure);
}

void od_reader_measure(struct od_reader *reader, od_slot slot, uint64_t number, uint64_t rows_max,
                       struct od_measure *measure)
{
    (void)ask(reader, measure_rows,
              &(struct question){
                  .rows = {.slot = slot, .number = number}, .count = rows_max, .measure = measure});
}

static int count_in(struct question *q, MDB_dbi database)
{
    MDB_stat stat;
    int code = mdb_stat(q->rows.txn, database, &stat);
    q->count = code == 0 ? stat.ms_entries : 0;
    return code;
}

static int count_alarms(void *argument)
{
    struct question *q = argument;
    return count_in(q, q->reader->env->alarms);
}

static int count_objects(void *argument)
{
    struct question *q = argument;
    return count_in(q, q->reader->env->directory);
}

uint64_t od_reader_count_objects(struct od_reader *reader)
{
    struct question question = {.count = 0};
    return ask(reader, count_objects, &question) ? question.count : 0;
}

uint64_t od_reader_count_alarms(struct od_reader *reader)
{
    struct question question = {.count = 0};
    return ask(reader, count_alarms, &question) ? question.count : 0;
}

static int walk_alarms(void *argument)
{
    struct question *q = argument;
    return od_alarm_order_walk(q->reader->env, q->rows.txn, q->place, q->visit_alarm, q->context);
}

void od_reader_walk_alarms(struct od_reader *reader, const struct od_alarm_place *place,
                           bool (*visit)(void *context, const struct od_alarm_place *place),
                           void *context)
{
    (void)ask(reader, walk_alarms,
              &(struct question){.place = place, .visit_alarm = visit, .context = context});
}

static int walk_rows(void *argument)
{
    struct question *q = argument;
    return od_rows_walk(&q->rows, q->kind, q->bounds, q->reverse, q->visit_row, q->context);
}

void od_reader_walk(struct od_reader *reader, od_slot slot, uint64_t number, enum od_row_kind kind,
                    const struct od_bounds *bounds, bool reverse,
                    bool (*visit)(void *context, od_slice key, od_slice value), void *context)
{
    (void)ask(reader, walk_rows,
              &(struct question){.rows = {.slot = slot, .number = number},
                                 .kind = kind,
                                 .bounds = bounds,
                                 .reverse = reverse,
                                 .visit_row = visit,
                                 .context = context});
}
