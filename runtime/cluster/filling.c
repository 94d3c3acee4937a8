#include "cluster/filling.h"

#include <poll.h>

#include "base/clock.h"
#include "cluster/array.h"

// --- Statements ----------------------------------------------------------------------------------

static const struct od_statement fill_all = {
    "fill", "SELECT k, v, object FROM od_kv WHERE slot = ($1::int8)::int4"
            " AND (object, k) > ($2::bytea, $3::bytea) ORDER BY object, k LIMIT $4::int8"};

// As the index has it that only they are in (schema.c).
static const struct od_statement fill_alarms = {
    "alarms", "SELECT a.k, a.v, a.object, i.v FROM od_kv AS a JOIN od_kv AS i ON i.slot = a.slot"
              " AND i.object = a.object AND i.k = '\\x00' WHERE a.slot = ($1::int8)::int4"
              " AND a.k >= '\\x01' AND a.k < '\\x02' AND (a.object, a.k) > ($2::bytea, $3::bytea)"
              " ORDER BY a.object, a.k LIMIT $4::int8"};

static const struct od_statement load_objects = {
    "load", "SELECT t.k, t.v FROM od_kv AS t JOIN unnest($1::int4[], $2::bytea[])"
            " AS w (slot, object) ON t.slot = w.slot AND t.object = w.object"
            " ORDER BY t.slot, t.object, t.k"};

// --- Beginning and end ---------------------------------------------------------------------------

void od_filling_init(struct od_filling *filling, struct od_postgres *postgres, int stop_fd)
{
    *filling = (struct od_filling){
        .postgres = postgres, .stop_fd = stop_fd, .rows_max = OD_CLUSTER_FILL_ROWS_MIN};
}

void od_filling_forget(struct od_filling *filling)
{
    filling->is_begun = false;
}

void od_filling_deinit(struct od_filling *filling)
{
    od_bytes_deinit(&filling->object);
    od_bytes_deinit(&filling->key);
    od_rows_reading_deinit(&filling->reading);
}

// --- Rows ----------------------------------------------------------------------------------------

struct coming {
    struct od_filling *filling; // Whose place is kept; NULL: objects come, as a whole.
    struct od_rows_reading *reading;
    const struct od_engine_sink *sink;
    struct od_error *err;
    size_t rows;
    bool has_failed; // Otherwise the connection has.
};

static bool pass_on(struct coming *coming)
{
    od_slice submission = od_rows_reading_take(coming->reading);
    int code = submission.size == 0 ? 0 : coming->sink->put(coming->sink->context, submission);
    od_bytes_clear(&coming->reading->submission);
    coming->has_failed = coming->has_failed || code != 0;
    if (code != 0)
        od_error_set(coming->err, "what PostgreSQL stores cannot be put into data.mdb (%d)", code);
    return code == 0;
}

static void keep_place(struct od_filling *filling, const struct od_postgres *postgres, od_slice key)
{
    od_bytes_clear(&filling->object);
    od_bytes_put_slice(&filling->object, od_postgres_bytes(postgres, 0, 2));
    od_bytes_clear(&filling->key);
    od_bytes_put_slice(&filling->key, key);
}

static bool read_row(const struct coming *coming, const struct od_postgres *postgres, od_slice key)
{
    od_slice value = od_postgres_bytes(postgres, 0, 1);
    bool has_identity = coming->filling != NULL && coming->filling->only_alarms;
    return (!has_identity || od_rows_reading_add(coming->reading, (od_slice){"\0", 1},
                                                 od_postgres_bytes(postgres, 0, 3))) &&
           od_rows_reading_add(coming->reading, key, value);
}

static bool on_row(void *context, const struct od_postgres *postgres)
{
    struct coming *coming = context;
    od_slice key = od_postgres_bytes(postgres, 0, 0);
    coming->rows++;
    if (!read_row(coming, postgres, key)) {
        coming->has_failed = true;
        return od_error_set(coming->err, "a row of od_kv makes no sense");
    }
    if (coming->filling != NULL)
        keep_place(coming->filling, postgres, key);
    return coming->reading->submission.size < OD_CLUSTER_LOAD_BYTES || pass_on(coming);
}

// --- Questions -----------------------------------------------------------------------------------

struct question {
    const struct od_statement *statement;
    od_slice parameters[4];
    size_t count;
};

static enum od_answer ask_once(struct od_postgres *postgres, const struct question *question,
                               struct coming *coming)
{
    enum od_answer answer = od_postgres_each(postgres, question->statement, question->parameters,
                                             question->count, on_row, coming);
    if (answer == OD_ANSWER_OK && !pass_on(coming))
        return OD_ANSWER_REFUSED;
    return answer;
}

// False: nobody waits any more.
static bool pause(const struct od_filling *filling)
{
    struct pollfd stop = {.fd = filling->stop_fd, .events = POLLIN};
    return poll(&stop, 1, OD_CLUSTER_AGAIN_MS) == 0;
}

// Of an answer that need not be asked for again.
static enum od_engine_outcome outcome_of(const struct od_filling *filling, enum od_answer answer,
                                         const struct coming *coming)
{
    if (answer == OD_ANSWER_OK)
        return OD_ENGINE_STORED;
    if (answer == OD_ANSWER_REFUSED && !coming->has_failed)
        od_error_set(coming->err, "PostgreSQL: %s", filling->postgres->why);
    return OD_ENGINE_FAILED;
}

// --- Slots ---------------------------------------------------------------------------------------

static void begin_slot(struct od_filling *filling, od_slot slot, bool only_alarms)
{
    if (filling->is_begun && filling->slot == slot && filling->only_alarms == only_alarms)
        return;
    filling->is_begun = true;
    filling->slot = slot;
    filling->only_alarms = only_alarms;
    od_bytes_clear(&filling->object);
    od_bytes_clear(&filling->key);
}

static enum od_answer ask_portion(struct od_filling *filling, struct coming *coming)
{
    char room[2][8];
    struct question question = {filling->only_alarms ? &fill_alarms : &fill_all,
                                {od_postgres_int8(filling->slot, room[0]),
                                 od_bytes_slice(&filling->object), od_bytes_slice(&filling->key),
                                 od_postgres_int8(filling->rows_max, room[1])},
                                4};
    return ask_once(filling->postgres, &question, coming);
}

// An answer that is lost goes on behind the last row of it.
static enum od_engine_outcome fill_portion(struct od_filling *filling,
                                           const struct od_engine_sink *sink, bool *is_whole,
                                           struct od_error *err)
{
    for (;;) {
        struct coming coming = {filling, &filling->reading, sink, err, 0, false};
        enum od_answer answer = ask_portion(filling, &coming);
        *is_whole = coming.rows < filling->rows_max;
        if (answer != OD_ANSWER_LOST || coming.has_failed)
            return outcome_of(filling, answer, &coming);
        if (!pause(filling))
            return OD_ENGINE_ENDED;
    }
}

// Values may be small or large, and the engine near or far.
static void learn(struct od_filling *filling, int64_t took_us, bool is_whole)
{
    size_t rows_max = filling->rows_max;
    if (took_us > 1000 * OD_CLUSTER_FILL_MS)
        rows_max /= 2;
    else if (!is_whole && 2 * took_us < 1000 * OD_CLUSTER_FILL_MS)
        rows_max *= 2;
    bool is_in_range = rows_max >= OD_CLUSTER_FILL_ROWS_MIN && rows_max <= OD_CLUSTER_FILL_ROWS_MAX;
    filling->rows_max = is_in_range ? rows_max : filling->rows_max;
}

static enum od_engine_outcome fill_next(struct od_filling *filling,
                                        const struct od_engine_sink *sink, bool *is_whole,
                                        struct od_error *err)
{
    int64_t begin_us = od_clock_passed_us();
    enum od_engine_outcome outcome = fill_portion(filling, sink, is_whole, err);
    learn(filling, od_clock_passed_us() - begin_us, *is_whole);
    if (*is_whole || outcome != OD_ENGINE_STORED)
        filling->is_begun = false;
    return outcome;
}

enum od_engine_outcome od_filling_slots(struct od_filling *filling,
                                        const struct od_engine_filled *filled,
                                        const struct od_engine_sink *sink, size_t *whole,
                                        struct od_error *err)
{
    enum od_engine_outcome outcome = OD_ENGINE_STORED;
    int64_t ends_us = od_clock_passed_us() + 1000 * OD_CLUSTER_FILL_MS;
    OD_ASSERT(filled->count > 0);
    *whole = 0;
    do {
        bool is_whole;
        begin_slot(filling, filled->slots[*whole], filled->only_alarms);
        outcome = fill_next(filling, sink, &is_whole, err);
        *whole += is_whole;
    } while (outcome == OD_ENGINE_STORED && *whole < filled->count &&
             od_clock_passed_us() < ends_us);
    return outcome;
}

// --- Objects -------------------------------------------------------------------------------------

static enum od_engine_outcome load(struct od_filling *filling, const struct question *question,
                                   const struct od_engine_sink *sink, struct od_error *err)
{
    for (;;) {
        struct od_rows_reading reading = {.is_open = false};
        struct coming coming = {NULL, &reading, sink, err, 0, false};
        enum od_answer answer = ask_once(filling->postgres, question, &coming);
        od_rows_reading_deinit(&reading);
        if (answer != OD_ANSWER_LOST || coming.has_failed)
            return outcome_of(filling, answer, &coming);
        if (!pause(filling))
            return OD_ENGINE_ENDED;
    }
}

enum od_engine_outcome od_filling_load(struct od_filling *filling, od_slice ids,
                                       const struct od_engine_sink *sink, struct od_error *err)
{
    struct od_array slots, objects;
    OD_ASSERT(ids.size % OD_ID_BYTES == 0);
    od_array_init(&slots, OD_ARRAY_OF_INT4);
    od_array_init(&objects, OD_ARRAY_OF_BYTES);
    for (size_t at = 0; at < ids.size; at += OD_ID_BYTES) {
        od_array_put_int4(&slots, od_slot_of_id((const uint8_t *)ids.at + at));
        od_array_put_bytes(&objects, (od_slice){ids.at + at, OD_ID_BYTES});
    }
    struct question question = {
        &load_objects, {od_array_finish(&slots), od_array_finish(&objects)}, 2};
    enum od_engine_outcome outcome = load(filling, &question, sink, err);
    od_array_deinit(&slots);
    od_array_deinit(&objects);
    return outcome;
}
