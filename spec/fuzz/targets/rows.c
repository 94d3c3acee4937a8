// Rows in LMDB: keys of any length put, deleted and walked over in any range, beside a model that
// is a sorted array; and rows that no put of ours has made (a damaged disk), over which a walk
// ends.
//
// An input is operations: u8 which, and what it takes. A key: u8 byte, u16 how often, str the rest.

#include <stdio.h>
#include <unistd.h>

#include "fuzz.h"

#include "base/cursor.h"
#include "store/env_file.h"
#include "store/mapped.h"
#include "store/rows.h"

enum {
    rows_max = 48,
    walks_max = 8, // An input is not to spend its time in walking.
};

struct row {
    od_slice key, value;
};

struct model {
    struct row rows[rows_max]; // In order.
    size_t size;
    bool is_over; // Rows were put that are none.
};

static struct od_env *open_env(void)
{
    static struct od_env *env;
    static char directory[] = "/tmp/open-do-fuzz-XXXXXX";
    struct od_error err;
    if (env != NULL)
        return env;
    if (mkdtemp(directory) == NULL || !od_env_open(&env, directory, true, &err))
        abort();
    char command[64]; // What is open stays so without its name.
    snprintf(command, sizeof command, "rm -r %s", directory);
    if (system(command) != 0)
        abort();
    return env;
}

// Its bytes are the caller's to free, through [memory].
static od_slice take_key(struct od_cursor *input, struct od_bytes *memory)
{
    char byte = (char)od_cursor_u8(input);
    size_t count = od_cursor_u16(input) % (OD_STORE_KEY_BYTES_MAX + 1u);
    od_slice rest = od_cursor_bytes(input, od_cursor_u8(input) % 8u);
    size_t begin = memory->size;
    for (size_t i = 0; i < count; i++)
        od_bytes_put(memory, &byte, 1);
    od_bytes_put_slice(memory, rest);
    size_t size = memory->size - begin;
    size = size < OD_STORE_KEY_BYTES_MAX ? size : OD_STORE_KEY_BYTES_MAX;
    return (od_slice){memory->at + begin, size};
}

// --- The model -----------------------------------------------------------------------------------

static size_t place_of(const struct model *model, od_slice key)
{
    size_t i = 0;
    while (i < model->size && od_slice_compare(model->rows[i].key, key) < 0)
        i++;
    return i;
}

static bool has_at(const struct model *model, size_t place, od_slice key)
{
    return place < model->size && od_slice_equal(model->rows[place].key, key);
}

static void model_put(struct model *model, od_slice key, od_slice value)
{
    size_t place = place_of(model, key);
    struct row *row = &model->rows[place];
    if (!has_at(model, place, key))
        memmove(row + 1, row, (model->size++ - place) * sizeof *row);
    *row = (struct row){key, value};
}

static void model_delete(struct model *model, od_slice key)
{
    size_t place = place_of(model, key);
    struct row *row = &model->rows[place];
    if (has_at(model, place, key))
        memmove(row, row + 1, (--model->size - place) * sizeof *row);
}

// --- Beside each other ---------------------------------------------------------------------------

struct walking {
    const struct model *model;
    const struct od_bounds *bounds;
    size_t next; // Of the model, which has it.
    bool reverse;
    size_t visits;
};

static void skip_outside(struct walking *walking)
{
    while (walking->next < walking->model->size &&
           !od_bounds_have(walking->bounds, walking->model->rows[walking->next].key))
        walking->next += walking->reverse ? (size_t)-1 : 1;
}

static bool visit(void *context, od_slice key, od_slice value)
{
    struct walking *walking = context;
    OD_ASSERT(key.size <= OD_STORE_KEY_BYTES_MAX);
    if (walking->model->is_over)
        return ++walking->visits < rows_max;
    skip_outside(walking);
    OD_ASSERT(walking->next < walking->model->size);
    const struct row *expected = &walking->model->rows[walking->next];
    OD_ASSERT(od_slice_equal(key, expected->key));
    OD_ASSERT(od_slice_equal(value, expected->value));
    walking->next += walking->reverse ? (size_t)-1 : 1;
    return true;
}

struct walk_call {
    const struct od_rows *rows;
    struct walking *walking;
};

static int walk_in_call(void *argument)
{
    const struct walk_call *call = argument;
    struct walking *walking = call->walking;
    return od_rows_walk(call->rows, OD_ROW_PAIR, walking->bounds, walking->reverse, visit, walking);
}

static void walk(const struct od_rows *rows, const struct model *model, struct od_cursor *input,
                 struct od_bytes *memory)
{
    unsigned flags = od_cursor_u8(input);
    struct od_range range = {.reverse = (flags & 1) != 0,
                             .has_start = (flags & 2) != 0,
                             .has_start_after = (flags & 4) != 0,
                             .has_end = (flags & 8) != 0};
    range.start = take_key(input, memory);
    range.start_after = range.start;
    range.end = take_key(input, memory);
    if ((flags & 16) != 0)
        range.prefix = take_key(input, memory);
    struct od_bounds bounds;
    od_bounds_of(&bounds, &range);
    if (bounds.is_empty)
        return;
    struct walking walking = {model, &bounds, range.reverse ? model->size - 1 : 0, range.reverse,
                              0};
    struct walk_call call = {rows, &walking};
    int code = od_mapped_call(walk_in_call, &call);
    if (model->is_over)
        return;
    skip_outside(&walking);
    OD_ASSERT(code == 0 && walking.next >= model->size);
}

// A row with the object's number and anything behind it.
static void put_rubbish(const struct od_rows *rows, od_slice bytes, od_slice value)
{
    struct od_run run = od_run_of_object(rows->slot, rows->number);
    struct od_key key = {.size = run.size};
    size_t size =
        bytes.size < OD_KEY_BYTES_MAX - run.size ? bytes.size : OD_KEY_BYTES_MAX - run.size;
    memcpy(key.bytes, run.bytes, run.size);
    if (size > 0)
        memcpy(key.bytes + run.size, bytes.at, size);
    key.size += size;
    int code = od_write_put(rows->write, rows->data, od_env_value(od_key_slice(&key)),
                            od_env_value(value));
    OD_ASSERT(code == 0);
}

static void operate(const struct od_rows *rows, struct model *model, struct od_cursor *input,
                    struct od_bytes *memory, size_t *walks)
{
    unsigned which = od_cursor_u8(input) % 8;
    if (which >= 6) {
        if ((*walks)++ < walks_max)
            walk(rows, model, input, memory);
        return;
    }
    od_slice key = take_key(input, memory),
             value = od_cursor_bytes(input, od_cursor_u8(input) % 16u);
    if (which == 5) {
        model->is_over = true;
        put_rubbish(rows, key, value);
    } else if (which >= 3) {
        int code = od_rows_delete(rows, key);
        bool is_there = has_at(model, place_of(model, key), key);
        OD_ASSERT(model->is_over || (code == 0) == is_there);
        model_delete(model, key);
    } else if (model->size < rows_max) {
        int code = od_rows_put(rows, key, value);
        OD_ASSERT(model->is_over || code == 0);
        model_put(model, key, value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct od_write write;
    struct od_env *env = open_env();
    char *copy = fuzz_copy(data, size);
    struct od_cursor input = od_cursor_of((od_slice){copy, size});
    struct od_bytes memory = {0};
    struct model model = {.size = 0};
    size_t walks = 0;
    // Keys are slices of it, so it must not move.
    od_bytes_reserve(&memory, (size / 4 + 4) * (OD_STORE_KEY_BYTES_MAX + 8));
    int code = od_write_begin(&write, env);
    OD_ASSERT(code == 0);
    struct od_rows rows = {write.txn, env->data, 7, 1, &write};
    while (!od_cursor_at_end(&input))
        operate(&rows, &model, &input, &memory, &walks);
    od_write_abort(&write);
    od_bytes_deinit(&memory);
    free(copy);
    return 0;
}
