#include "cluster/engine.h"

#include <poll.h>

#include "cluster/array.h"
#include "cluster/rows.h"

// --- Statements ----------------------------------------------------------------------------------

// 1, 2: slots and epochs. 3, 4: objects all of whose rows go, unless they are among 5 to 8, rows to
// be put. 9 to 11: rows to be deleted. 12 to 14: identities of objects that may have theirs.
static const struct od_statement commit_rows = {
    "commit",
    "WITH own AS (UPDATE od_slot AS s SET seq = s.seq + 1"
    " FROM unnest($1::int4[], $2::int8[]) AS w (slot, epoch)"
    " WHERE s.slot = w.slot AND s.epoch = w.epoch RETURNING s.slot, s.seq),"
    " wiped AS (DELETE FROM od_kv AS t USING unnest($3::int4[], $4::bytea[]) AS w (slot, object),"
    " own WHERE t.slot = w.slot AND t.object = w.object AND own.slot = t.slot AND NOT EXISTS"
    " (SELECT 1 FROM unnest($5::int4[], $6::bytea[], $7::bytea[]) AS p (slot, object, k)"
    " WHERE p.slot = t.slot AND p.object = t.object AND p.k = t.k)),"
    " gone AS (DELETE FROM od_kv AS t USING unnest($9::int4[], $10::bytea[], $11::bytea[])"
    " AS d (slot, object, k), own"
    " WHERE t.slot = d.slot AND t.object = d.object AND t.k = d.k AND own.slot = t.slot),"
    " put AS (INSERT INTO od_kv (slot, object, k, v) SELECT p.slot, p.object, p.k, p.v"
    " FROM unnest($5::int4[], $6::bytea[], $7::bytea[], $8::bytea[]) AS p (slot, object, k, v)"
    " JOIN own ON own.slot = p.slot ON CONFLICT (slot, object, k) DO UPDATE SET v = excluded.v),"
    " named AS (INSERT INTO od_kv (slot, object, k, v) SELECT n.slot, n.object, '\\x00'::bytea, n.v"
    " FROM unnest($12::int4[], $13::bytea[], $14::bytea[]) AS n (slot, object, v)"
    " JOIN own ON own.slot = n.slot ON CONFLICT (slot, object, k) DO NOTHING)"
    " SELECT slot, seq FROM own"};

static const struct od_statement bump = {
    "bump", "UPDATE od_slot AS s SET epoch = s.epoch + 1 FROM unnest($1::int4[]) AS w (slot)"
            " WHERE s.slot = w.slot AND s.owner = ($2::int8)::int4 AND s.inc = $3::int8"
            " RETURNING s.slot, s.epoch, s.seq"};

enum parameter {
    SLOTS,
    EPOCHS,
    WIPED_SLOTS,
    WIPED_OBJECTS,
    PUT_SLOTS,
    PUT_OBJECTS,
    PUT_KEYS,
    PUT_VALUES,
    GONE_SLOTS,
    GONE_OBJECTS,
    GONE_KEYS,
    NAMED_SLOTS,
    NAMED_OBJECTS,
    NAMED_VALUES,
    PARAMETERS,
};

static const enum od_array_of types[PARAMETERS] = {
    [SLOTS] = OD_ARRAY_OF_INT4,          [EPOCHS] = OD_ARRAY_OF_INT8,
    [WIPED_SLOTS] = OD_ARRAY_OF_INT4,    [WIPED_OBJECTS] = OD_ARRAY_OF_BYTES,
    [PUT_SLOTS] = OD_ARRAY_OF_INT4,      [PUT_OBJECTS] = OD_ARRAY_OF_BYTES,
    [PUT_KEYS] = OD_ARRAY_OF_BYTES,      [PUT_VALUES] = OD_ARRAY_OF_BYTES,
    [GONE_SLOTS] = OD_ARRAY_OF_INT4,     [GONE_OBJECTS] = OD_ARRAY_OF_BYTES,
    [GONE_KEYS] = OD_ARRAY_OF_BYTES,     [NAMED_SLOTS] = OD_ARRAY_OF_INT4,
    [NAMED_OBJECTS] = OD_ARRAY_OF_BYTES, [NAMED_VALUES] = OD_ARRAY_OF_BYTES,
};

static struct od_cluster_engine *engine_of(struct od_engine *engine)
{
    return (struct od_cluster_engine *)(void *)engine;
}

static bool has_slot(const struct od_group_rows *rows, size_t slot)
{
    return (rows->slots[slot / 8] >> (slot & 7) & 1) != 0;
}

// --- A group as parameters -----------------------------------------------------------------------

static od_slice id_of(const struct od_object_change *object)
{
    return (od_slice){(const char *)object->id, OD_ID_BYTES};
}

static void put_row(struct od_array *arrays, const struct od_object_change *object, od_slice key,
                    od_slice value)
{
    od_array_put_int4(&arrays[PUT_SLOTS], object->slot);
    od_array_put_bytes(&arrays[PUT_OBJECTS], id_of(object));
    od_array_put_bytes(&arrays[PUT_KEYS], key);
    od_array_put_bytes(&arrays[PUT_VALUES], value);
}

static void put_change(struct od_array *arrays, const struct od_row_change *row)
{
    od_slice key = {row->key, row->key_bytes};
    if (row->is_put) {
        put_row(arrays, row->object, key, row->value);
        return;
    }
    od_array_put_int4(&arrays[GONE_SLOTS], row->object->slot);
    od_array_put_bytes(&arrays[GONE_OBJECTS], id_of(row->object));
    od_array_put_bytes(&arrays[GONE_KEYS], key);
}

// Who is wiped gets its identity anew, for the old one goes with the rest.
static void put_identity(struct od_array *arrays, const struct od_known *known,
                         const struct od_object_change *object)
{
    if (object->puts == 0)
        return;
    if (object->is_wiped) {
        put_row(arrays, object, (od_slice){"\0", 1}, object->identity);
        return;
    }
    if (od_known_has(known, object->id))
        return;
    od_array_put_int4(&arrays[NAMED_SLOTS], object->slot);
    od_array_put_bytes(&arrays[NAMED_OBJECTS], id_of(object));
    od_array_put_bytes(&arrays[NAMED_VALUES], object->identity);
}

static void put_object(struct od_array *arrays, const struct od_known *known,
                       const struct od_object_change *object)
{
    if (object->is_wiped) {
        od_array_put_int4(&arrays[WIPED_SLOTS], object->slot);
        od_array_put_bytes(&arrays[WIPED_OBJECTS], id_of(object));
    }
    put_identity(arrays, known, object);
    OD_LIST_EACH (link, &object->rows)
        put_change(arrays, OD_LIST_MEMBER(link, struct od_row_change, link));
}

static void fill(struct od_array *arrays, const struct od_cluster_engine *engine,
                 const struct od_group_rows *rows)
{
    for (size_t slot = 0; slot < OD_SLOT_COUNT; slot++) {
        if (!has_slot(rows, slot))
            continue;
        OD_ASSERT(engine->held[slot].epoch != 0);
        od_array_put_int4(&arrays[SLOTS], (uint32_t)slot);
        od_array_put_int8(&arrays[EPOCHS], engine->held[slot].epoch);
    }
    OD_LIST_EACH (link, &rows->objects)
        put_object(arrays, &engine->known, OD_LIST_MEMBER(link, struct od_object_change, link));
}

static enum od_answer send(struct od_cluster_engine *engine, const struct od_group_rows *rows)
{
    struct od_array arrays[PARAMETERS];
    od_slice parameters[PARAMETERS];
    for (size_t i = 0; i < PARAMETERS; i++)
        od_array_init(&arrays[i], types[i]);
    fill(arrays, engine, rows);
    for (size_t i = 0; i < PARAMETERS; i++)
        parameters[i] = od_array_finish(&arrays[i]);
    enum od_answer answer =
        od_postgres_run(&engine->postgres, &commit_rows, parameters, PARAMETERS);
    for (size_t i = 0; i < PARAMETERS; i++)
        od_array_deinit(&arrays[i]);
    return answer;
}

// --- What became of it ---------------------------------------------------------------------------

static enum od_engine_outcome fenced(struct od_error *err)
{
    od_error_set(err, "another node has taken over what this one had");
    return OD_ENGINE_FENCED;
}

// Of an answer: whoever answers with slots that there are not is not what we have joined.
static bool is_slot(int64_t slot)
{
    return slot >= 0 && slot < OD_SLOT_COUNT;
}

static enum od_engine_outcome went_back(int64_t slot, struct od_error *err)
{
    od_error_set(err,
                 "PostgreSQL has lost what it had confirmed (slot %d): a standby that did not have "
                 "all has taken its place",
                 (int)slot);
    return OD_ENGINE_FENCED;
}

// Each slot of the group must be in the answer, and nobody but us raises its seq.
static enum od_engine_outcome confirm(struct od_cluster_engine *engine,
                                      const struct od_group_rows *rows, struct od_error *err)
{
    const struct od_postgres *postgres = &engine->postgres;
    size_t count = od_postgres_rows(postgres);
    for (size_t i = 0; i < count; i++) {
        int64_t slot = od_postgres_int(postgres, i, 0);
        if (!is_slot(slot))
            return fenced(err);
        if ((uint64_t)od_postgres_int(postgres, i, 1) != ++engine->held[slot].seq)
            return went_back(slot, err);
    }
    return count == rows->slot_count ? OD_ENGINE_STORED : fenced(err);
}

// False: nobody waits any more.
static bool pause(const struct od_cluster_engine *engine)
{
    struct pollfd stop = {.fd = engine->stop_fd, .events = POLLIN};
    return poll(&stop, 1, OD_CLUSTER_AGAIN_MS) == 0;
}

static enum od_answer new_epochs(struct od_cluster_engine *engine, const struct od_group_rows *rows)
{
    char room[2][8];
    struct od_array slots;
    od_array_init(&slots, OD_ARRAY_OF_INT4);
    for (size_t slot = 0; slot < OD_SLOT_COUNT; slot++) {
        if (has_slot(rows, slot))
            od_array_put_int4(&slots, (uint32_t)slot);
    }
    const od_slice parameters[] = {od_array_finish(&slots), od_postgres_int8(engine->node, room[0]),
                                   od_postgres_int8(engine->incarnation, room[1])};
    enum od_answer answer = od_postgres_run(&engine->postgres, &bump, parameters, 3);
    od_array_deinit(&slots);
    return answer;
}

enum landing {
    LANDED,
    NOT_LANDED,
    WENT_BACK,
};

static enum landing landing_of(struct od_held_slot *held, uint64_t epoch, uint64_t seq)
{
    bool has_landed = seq == held->seq + 1, has_not = seq == held->seq;
    held->epoch = epoch;
    held->seq = has_landed ? seq : held->seq;
    return has_landed ? LANDED : has_not ? NOT_LANDED : WENT_BACK;
}

// In the new epochs nothing of the group can land any more, so seq says for good whether it has. It
// was one statement: all of it or nothing, unless somebody else has changed the rows.
static enum od_engine_outcome look(struct od_cluster_engine *engine,
                                   const struct od_group_rows *rows, bool *has_landed,
                                   struct od_error *err)
{
    const struct od_postgres *postgres = &engine->postgres;
    size_t count = od_postgres_rows(postgres), landed = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t slot = od_postgres_int(postgres, i, 0);
        if (!is_slot(slot))
            return fenced(err);
        enum landing landing =
            landing_of(&engine->held[slot], (uint64_t)od_postgres_int(postgres, i, 1),
                       (uint64_t)od_postgres_int(postgres, i, 2));
        landed += landing == LANDED;
        if (landing == WENT_BACK)
            return went_back(slot, err);
    }
    bool is_whole = landed == 0 || landed == count;
    if (count != rows->slot_count || !is_whole)
        return fenced(err);
    *has_landed = landed > 0;
    return OD_ENGINE_STORED;
}

static enum od_engine_outcome resolve(struct od_cluster_engine *engine,
                                      const struct od_group_rows *rows, bool *has_landed,
                                      struct od_error *err)
{
    while (pause(engine)) {
        enum od_answer answer = new_epochs(engine, rows);
        if (answer == OD_ANSWER_OK)
            return look(engine, rows, has_landed, err);
        od_postgres_disconnect(&engine->postgres);
    }
    return OD_ENGINE_ENDED;
}

static bool is_conflict(const struct od_postgres *postgres)
{
    return od_slice_starts_with(od_slice_of(postgres->code), OD_SLICE("40"));
}

static enum od_engine_outcome commit_all(struct od_cluster_engine *engine,
                                         const struct od_group_rows *rows, struct od_error *err)
{
    for (bool has_landed = false; !has_landed;) {
        enum od_answer answer = send(engine, rows);
        if (answer == OD_ANSWER_OK)
            return confirm(engine, rows, err);
        if (answer == OD_ANSWER_REFUSED && !is_conflict(&engine->postgres)) {
            od_error_set(err, "PostgreSQL: %s", engine->postgres.why);
            return OD_ENGINE_FAILED;
        }
        enum od_engine_outcome outcome = resolve(engine, rows, &has_landed, err);
        if (outcome != OD_ENGINE_STORED)
            return outcome;
    }
    return OD_ENGINE_STORED;
}

static void note_known(struct od_known *known, const struct od_group_rows *rows)
{
    OD_LIST_EACH (link, &rows->objects) {
        const struct od_object_change *object = OD_LIST_MEMBER(link, struct od_object_change, link);
        if (object->puts > 0)
            od_known_put(known, object->id);
        else if (object->is_wiped)
            od_known_remove(known, object->id);
    }
}

static enum od_engine_outcome commit(struct od_engine *base, const od_slice *submissions,
                                     size_t count, struct od_error *err)
{
    struct od_group_rows rows;
    od_group_rows_init(&rows);
    for (size_t i = 0; i < count; i++)
        od_group_rows_add(&rows, submissions[i]);
    enum od_engine_outcome outcome = commit_all(engine_of(base), &rows, err);
    if (outcome == OD_ENGINE_STORED)
        note_known(&engine_of(base)->known, &rows);
    od_group_rows_deinit(&rows);
    return outcome;
}

static bool has(const struct od_engine *base, od_slice submission)
{
    const struct od_cluster_engine *engine = (const struct od_cluster_engine *)(const void *)base;
    struct od_cursor cursor = od_cursor_of(submission);
    struct od_batch batch;
    while (od_batch_next(&cursor, &batch)) {
        if (engine->held[od_slot_of_id(batch.identity.id)].epoch == 0)
            return false;
    }
    return true;
}

// --- Slots that come and go ----------------------------------------------------------------------

static enum od_engine_outcome fill_from(struct od_engine *base,
                                        const struct od_engine_filled *filled,
                                        const struct od_engine_sink *sink, size_t *whole,
                                        struct od_error *err)
{
    for (size_t i = 0; i < filled->count; i++)
        OD_ASSERT(engine_of(base)->held[filled->slots[i]].epoch != 0);
    return od_filling_slots(&engine_of(base)->filling, filled, sink, whole, err);
}

static enum od_engine_outcome load(struct od_engine *base, od_slice ids,
                                   const struct od_engine_sink *sink, struct od_error *err)
{
    return od_filling_load(&engine_of(base)->filling, ids, sink, err);
}

static void take(struct od_engine *base, const struct od_engine_slot *slots, size_t count)
{
    od_known_clear(&engine_of(base)->known); // Who had them may have wiped what was there.
    od_filling_forget(&engine_of(base)->filling);
    for (size_t i = 0; i < count; i++)
        engine_of(base)->held[slots[i].slot] = (struct od_held_slot){slots[i].epoch, slots[i].seq};
}

static bool holds(const struct od_engine *base, od_slot slot)
{
    OD_ASSERT(slot < OD_SLOT_COUNT);
    return ((const struct od_cluster_engine *)(const void *)base)->held[slot].epoch != 0;
}

static void give(struct od_engine *base, od_slot slot)
{
    OD_ASSERT(slot < OD_SLOT_COUNT);
    engine_of(base)->held[slot].epoch = 0;
}

void od_cluster_engine_init(struct od_cluster_engine *engine, const char *url, int stop_fd)
{
    *engine = (struct od_cluster_engine){
        .engine = {has, commit, take, fill_from, load, holds, give}, .stop_fd = stop_fd};
    od_postgres_init(&engine->postgres, url, stop_fd);
    od_filling_init(&engine->filling, &engine->postgres, stop_fd);
}

void od_cluster_engine_deinit(struct od_cluster_engine *engine)
{
    od_filling_deinit(&engine->filling);
    od_postgres_deinit(&engine->postgres);
}
