#include "store/past.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/moment.h"
#include "store/directory.h"
#include "store/journal_read.h"
#include "store/kept.h"
#include "store/mapped.h"
#include "store/rows.h"
#include "store/squeeze.h"
#include "store/storage.h"

// --- Rows ----------------------------------------------------------------------------------------

struct row {
    struct od_map_node node;
    uint32_t key_size, value_size;
    char bytes[]; // A byte that is the kind, the key, the value.
};

struct sought {
    enum od_row_kind kind;
    od_slice key;
};

static struct row *row_of(struct od_map_node *node)
{
    return OD_MAP_MEMBER(node, struct row, node);
}

static enum od_row_kind kind_of(const struct row *row)
{
    return (enum od_row_kind)(uint8_t)row->bytes[0];
}

static od_slice key_of(const struct row *row)
{
    return (od_slice){row->bytes + 1, row->key_size};
}

static od_slice value_of(const struct row *row)
{
    return (od_slice){row->bytes + 1 + row->key_size, row->value_size};
}

static uint64_t hash(const struct sought *sought)
{
    return od_map_hash_u64(od_slice_hash(sought->key) + (uint64_t)sought->kind);
}

static bool is_sought(const struct od_map_node *node, const void *key)
{
    const struct row *row = OD_MAP_MEMBER(node, const struct row, node);
    const struct sought *sought = key;
    return kind_of(row) == sought->kind && od_slice_equal(key_of(row), sought->key);
}

static size_t size_of(const struct row *row)
{
    return sizeof *row + 1 + row->key_size + row->value_size;
}

static void drop(struct od_past *past, struct row *row)
{
    OD_ASSERT(past->bytes >= size_of(row));
    past->bytes -= size_of(row);
    od_map_remove(&past->rows, &row->node);
    free(row);
}

static void drop_all(struct od_past *past)
{
    struct od_map_node *node = od_map_next(&past->rows, NULL), *next;
    for (; node != NULL; node = next) {
        next = od_map_next(&past->rows, node);
        drop(past, row_of(node));
    }
    OD_ASSERT(past->bytes == 0);
}

static void delete_row(struct od_past *past, enum od_row_kind kind, od_slice key)
{
    const struct sought sought = {kind, key};
    struct od_map_node *node = od_map_find(&past->rows, hash(&sought), is_sought, &sought);
    if (node != NULL)
        drop(past, row_of(node));
}

// A value may lie on a page that is not there (mapped.h). So the row has an owner before it is
// read.
static void put_row(struct od_past *past, enum od_row_kind kind, od_slice key, od_slice value)
{
    const struct sought sought = {kind, key};
    delete_row(past, kind, key);
    const uint64_t hashed = hash(&sought);
    struct row *row = od_allocate(sizeof *row + 1 + key.size + value.size);
    row->key_size = (uint32_t)key.size;
    row->value_size = (uint32_t)value.size;
    row->bytes[0] = (char)kind;
    if (key.size > 0)
        memcpy(row->bytes + 1, key.at, key.size);
    od_map_put(&past->rows, &row->node, hashed);
    past->bytes += size_of(row);
    if (value.size > 0)
        memcpy(row->bytes + 1 + key.size, value.at, value.size);
}

static bool may_be(enum od_row_kind kind, size_t key_size, size_t value_size)
{
    return key_size <=
               (kind == OD_ROW_PAIR ? OD_STORE_KEY_BYTES_MAX : OD_STORE_ALARM_NAME_BYTES_MAX) &&
           value_size <= OD_STORE_VALUE_BYTES_MAX;
}

void od_past_deinit(struct od_past *past)
{
    drop_all(past);
    od_map_deinit(&past->rows);
    *past = (struct od_past){0};
}

static bool is_too_large(const struct od_past *past)
{
    return past->bytes > OD_STORE_BATCH_BYTES_MAX;
}

static bool refuse_size(struct od_error *err)
{
    return od_error_set(err,
                        "the object had more than %u MiB then, which is too much for one batch; "
                        "open-do restore makes a data directory of that moment",
                        OD_STORE_BATCH_BYTES_MAX >> 20);
}

// --- Which base ----------------------------------------------------------------------------------

static bool is_before(const struct od_kept_base *base, const struct od_journal_moment *moment)
{
    bool has_time = base->moment.time_ms != 0 || base->moment.sequence == 0;
    return has_time && base->moment.time_ms <= moment->time_ms &&
           base->moment.sequence <= moment->sequence;
}

static bool is_enough(const struct od_kept *kept, const struct od_kept_base *base,
                      const struct od_journal_moment *moment)
{
    return base->moment.sequence == moment->sequence || od_kept_is_continued(kept, base);
}

// One of those that cannot be read may have been it.
static bool refuse_moment(const struct od_kept *kept, struct od_error *err)
{
    char text[OD_MOMENT_BYTES];
    if (kept->unread_count > 0)
        return od_error_set(err, "%zu bases in %s cannot be read", kept->unread_count,
                            kept->folder);
    if (kept->base_count == 0)
        return od_error_set(err, "the history has just begun, and its first base is not there yet");
    const struct od_journal_moment *first = &kept->bases[0].moment;
    return od_error_set(err, "the history does not go back so far: it begins with %s",
                        od_moment_text(first->time_ms, text));
}

// A base that serves, and where it is.
struct choice {
    const struct od_kept_base *kept; // NULL: there is none.
    char path[PATH_MAX];
    struct od_base base;
    bool is_lost; // As of struct od_past.
};

static void find_base(const struct od_kept *kept, size_t count,
                      const struct od_journal_moment *moment, struct choice *choice)
{
    choice->kept = NULL;
    for (size_t i = 0; i < count; i++) {
        if (is_before(&kept->bases[i], moment))
            choice->kept = &kept->bases[i];
    }
    if (choice->kept == NULL)
        return;
    char name[OD_BASE_NAME_BYTES];
    od_base_name(name, choice->kept->moment.sequence);
    snprintf(choice->path, sizeof choice->path, "%s/%s", kept->folder, name);
}

// The latest before the moment, of the first [count].
static bool choose_base(const struct od_kept *kept, size_t count,
                        const struct od_journal_mark *mark, struct choice *choice,
                        struct od_error *err)
{
    find_base(kept, count, &mark->moment, choice);
    choice->is_lost = choice->kept == NULL && kept->unread_count == 0;
    if (choice->kept == NULL)
        return refuse_moment(kept, err);
    if (!is_enough(kept, choice->kept, &mark->moment))
        return od_error_set(err, "the segments behind %s are missing", choice->path);
    if (!od_base_look(&choice->base, choice->path, err))
        return false;
    choice->is_lost = memcmp(choice->base.mark.id, mark->id, sizeof mark->id) != 0;
    return !choice->is_lost ||
           od_error_set(err, "%s belongs to another data directory", choice->path);
}

bool od_past_is_kept(const char *data_dir, const struct od_journal_mark *mark, struct od_error *err)
{
    struct choice choice = {0};
    struct od_kept kept = {0};
    bool is_kept = od_kept_look(&kept, data_dir, err) &&
                   choose_base(&kept, kept.base_count, mark, &choice, err);
    od_kept_deinit(&kept);
    return is_kept;
}

// --- What the base has ---------------------------------------------------------------------------

struct reading {
    struct od_past *past;
    const uint8_t *id;
    const struct od_journal_mark *mark;
    struct choice choice;
    struct od_env env; // Of the base; only what is needed to read.
    MDB_txn *txn;
    enum od_row_kind kind;
    bool is_damaged; // A row cannot be so large.
};

// False ends the walk.
static bool on_row(void *context, od_slice key, od_slice value)
{
    struct reading *reading = context;
    reading->is_damaged = !may_be(reading->kind, key.size, value.size);
    if (reading->is_damaged)
        return false;
    put_row(reading->past, reading->kind, key, value);
    return !is_too_large(reading->past);
}

static int read_rows(struct reading *reading)
{
    static const enum od_row_kind kinds[] = {OD_ROW_PAIR, OD_ROW_ALARM, OD_ROW_PAGE};
    const struct od_bounds all = {.low = {"", 0}};
    struct od_identity identity;
    struct od_rows rows = {
        .txn = reading->txn, .data = reading->env.data, .slot = od_slot_of_id(reading->id)};
    int code = od_directory_find(&reading->env, rows.txn, reading->id, &rows.number, &identity);
    for (size_t i = 0; code == 0 && !reading->is_damaged && i < sizeof kinds / sizeof *kinds; i++) {
        reading->kind = kinds[i];
        code = od_rows_walk(&rows, kinds[i], &all, false, on_row, reading);
    }
    return code == MDB_NOTFOUND ? 0 : code;
}

static int read_tables(void *argument)
{
    struct reading *reading = argument;
    struct od_env *env = &reading->env;
    int code = mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, &reading->txn);
    if (code == 0)
        code = mdb_dbi_open(reading->txn, "data", 0, &env->data);
    if (code == 0)
        code = mdb_dbi_open(reading->txn, "directory", 0, &env->directory);
    return code == 0 ? read_rows(reading) : code;
}

static int open_base(void *argument)
{
    struct reading *reading = argument;
    int code = mdb_env_create(&reading->env.lmdb);
    if (code != 0)
        return code;
    od_mapped_prepare(reading->env.lmdb);
    code = mdb_env_set_maxdbs(reading->env.lmdb, 2);
    return code == 0 ? mdb_env_open(reading->env.lmdb, reading->choice.path,
                                    MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0600)
                     : code;
}

static bool read_base(struct reading *reading, struct od_error *err)
{
    int code = od_mapped_call(open_base, reading);
    if (code == 0)
        code = od_mapped_call(read_tables, reading);
    if (reading->txn != NULL)
        mdb_txn_abort(reading->txn);
    if (reading->env.lmdb != NULL)
        mdb_env_close(reading->env.lmdb);
    if (code != 0)
        return od_error_set(err, "cannot read %s: %s", reading->choice.path, od_env_reason(code));
    reading->past->is_lost = reading->is_damaged || is_too_large(reading->past);
    if (reading->is_damaged)
        return od_error_set(err, "%s is damaged: a row in it is larger than any",
                            reading->choice.path);
    return !reading->past->is_lost || refuse_size(err);
}

// --- What came behind it -------------------------------------------------------------------------

static void play_operation(struct od_past *past, const struct od_operation *operation)
{
    char room[OD_PAGE_KEY_BYTES];
    switch (operation->kind) {
    case OD_OPERATION_PUT:
        put_row(past, OD_ROW_PAIR, operation->key, operation->value);
        break;
    case OD_OPERATION_DELETE:
        delete_row(past, OD_ROW_PAIR, operation->key);
        break;
    case OD_OPERATION_DELETE_ALL:
        drop_all(past);
        break;
    case OD_OPERATION_SET_ALARM:
    case OD_OPERATION_SET_NAMED_ALARM:
        put_row(past, OD_ROW_ALARM, operation->key, operation->value);
        break;
    case OD_OPERATION_DELETE_ALARM:
    case OD_OPERATION_DELETE_NAMED_ALARM:
        delete_row(past, OD_ROW_ALARM, operation->key);
        break;
    case OD_OPERATION_PUT_PAGE:
        put_row(past, OD_ROW_PAGE, od_page_key(room, operation->page), operation->value);
        break;
    case OD_OPERATION_DELETE_PAGE:
        delete_row(past, OD_ROW_PAGE, od_page_key(room, operation->page));
        break;
    case OD_OPERATION_KINDS:
        OD_UNREACHABLE("no operation");
    }
}

static bool on_submission(void *context, const struct od_journal_moment *moment,
                          od_slice submission, struct od_error *err)
{
    const struct reading *reading = context;
    struct od_cursor cursor = od_cursor_of(submission);
    struct od_batch batch;
    if (moment->sequence > reading->mark->moment.sequence)
        return true; // Of the same millisecond.
    while (od_batch_next(&cursor, &batch)) {
        struct od_operation operation;
        if (memcmp(batch.identity.id, reading->id, OD_ID_BYTES) != 0)
            continue;
        while (od_operation_next(&batch, &operation))
            play_operation(reading->past, &operation);
        cursor.failed = cursor.failed || batch.operations.failed;
    }
    reading->past->is_lost = cursor.failed || is_too_large(reading->past);
    if (cursor.failed)
        return od_error_set(err, "group %llu of the journal is not one of ours",
                            (unsigned long long)moment->sequence);
    return !reading->past->is_lost || refuse_size(err);
}

static bool read_journal(struct reading *reading, const char *folder, const struct od_base *base,
                         struct od_error *err)
{
    struct od_journal_moment last;
    bool is_damaged = false;
    const struct od_journal_visit visit = {.play = on_submission,
                                           .context = reading,
                                           .until_ms = reading->mark->moment.time_ms,
                                           .is_damaged = &is_damaged};
    // Nothing is later than 0 to a visit.
    bool is_read = reading->mark->moment.time_ms == 0 ||
                   od_journal_read(folder, &base->mark, &visit, &last, err);
    reading->past->is_lost = reading->past->is_lost || is_damaged;
    return is_read;
}

static bool read_chosen(struct reading *reading, const struct od_kept *kept, struct od_error *err)
{
    struct choice *choice = &reading->choice;
    return od_base_unpack(&choice->base, choice->path, NULL, NULL, err) &&
           read_base(reading, err) && read_journal(reading, kept->folder, &choice->base, err);
}

// What is said is why the latest base will not do, also when those before it do as little.
static bool read_kept(struct reading *reading, struct od_kept *kept, const char *data_dir,
                      struct od_error *err)
{
    const struct choice *choice = &reading->choice;
    struct od_error other;
    bool has_reason = false;
    if (!od_kept_look(kept, data_dir, err))
        return false;
    size_t count = kept->base_count;
    while (choose_base(kept, count, reading->mark, &reading->choice, has_reason ? &other : err)) {
        if (read_chosen(reading, kept, has_reason ? &other : err))
            return true;
        if (!choice->base.is_damaged)
            return false;
        has_reason = true;
        count = (size_t)(choice->kept - kept->bases);
    }
    reading->past->is_lost = choice->is_lost;
    return false;
}

bool od_past_read(struct od_past *past, const char *data_dir, const uint8_t id[OD_ID_BYTES],
                  const struct od_journal_mark *mark, struct od_error *err)
{
    char folder[PATH_MAX];
    struct od_kept kept = {0};
    struct reading reading = {.past = past, .id = id, .mark = mark};
    OD_ASSERT(past->rows.size == 0);
    snprintf(folder, sizeof folder, "%s/journal", data_dir);
    int hold_fd = od_journal_hold(folder);
    if (hold_fd < 0)
        return od_error_errno(err, "cannot read %s", folder);
    while (OD_FAULT("past.hold"))
        usleep(1000);
    bool is_read = read_kept(&reading, &kept, data_dir, err);
    od_kept_deinit(&kept);
    close(hold_fd);
    return is_read;
}

// --- Into a storage ------------------------------------------------------------------------------

static bool put_page(struct od_storage *storage, const struct row *row, struct od_error *err)
{
    char bytes[OD_STORE_PAGE_BYTES];
    uint32_t page = 0;
    od_slice key = key_of(row);
    for (size_t i = 0; i < key.size; i++)
        page = page << 8 | (uint8_t)key.at[i];
    if (key.size != OD_PAGE_KEY_BYTES || page == 0 || !od_unsqueeze(value_of(row), bytes))
        return od_error_set(err, "a page of its database is damaged there");
    if (od_storage_room_bytes(storage) < 2 * sizeof bytes)
        return refuse_size(err);
    od_storage_put_page(storage, page, bytes);
    return true;
}

static bool put_alarm(struct od_storage *storage, const struct row *row, od_slice but,
                      struct od_error *err)
{
    struct od_alarm_row alarm;
    if (od_slice_equal(key_of(row), but))
        return true;
    if (!od_alarm_row_read(value_of(row), &alarm) || (row->key_size == 0 && alarm.body.size > 0))
        return od_error_set(err, "an alarm or schedule of it is damaged there");
    return od_storage_set_alarm(storage, key_of(row), &alarm, false, err);
}

static bool put(struct od_storage *storage, const struct row *row, od_slice but_alarm,
                struct od_error *err)
{
    if (!may_be(kind_of(row), row->key_size, row->value_size))
        return od_error_set(err, "what it had is damaged there");
    switch (kind_of(row)) {
    case OD_ROW_PAIR:
        return od_storage_put(storage, key_of(row), value_of(row), false, err);
    case OD_ROW_ALARM:
        return put_alarm(storage, row, but_alarm, err);
    default:
        OD_ASSERT(kind_of(row) == OD_ROW_PAGE);
        return put_page(storage, row, err);
    }
}

bool od_past_put(const struct od_past *past, struct od_storage *storage, od_slice but_alarm,
                 struct od_error *err)
{
    struct od_map_node *node = NULL;
    bool ok = od_storage_delete_all(storage, false, err);
    while (ok && (node = od_map_next(&past->rows, node)) != NULL)
        ok = put(storage, row_of(node), but_alarm, err);
    if (!ok)
        od_storage_discard(storage);
    return ok;
}
