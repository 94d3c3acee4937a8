#include "sql/functions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "sql/limits.h"
#include "sql/plain.h"

// --- instr and replace ---------------------------------------------------------------------------

static bool is_null(sqlite3_value *value)
{
    return sqlite3_value_type(value) == SQLITE_NULL;
}

static bool is_blob(sqlite3_value *value)
{
    return sqlite3_value_type(value) == SQLITE_BLOB;
}

static od_slice blob_of(sqlite3_value *value)
{
    const char *at = sqlite3_value_blob(value);
    return (od_slice){at, at == NULL ? 0 : (size_t)sqlite3_value_bytes(value)};
}

static od_slice text_of(sqlite3_value *value)
{
    const char *at = (const char *)sqlite3_value_text(value);
    return (od_slice){at, at == NULL ? 0 : (size_t)sqlite3_value_bytes(value)};
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static sqlite3_int64 count_characters(const char *from, const char *to)
{
    sqlite3_int64 count = 0;
    for (; from < to; from++)
        count += !continues(*from);
    return count;
}

static const char *find(od_slice in, od_slice what)
{
    return in.size < what.size ? NULL : memmem(in.at, in.size, what.at, what.size);
}

// Counted from 1; 0: it is not there. What begins in the middle of a character can stand only at
// the beginning, as the original sees it.
static sqlite3_int64 place_of(od_slice in, od_slice what, bool is_text)
{
    if (what.size == 0)
        return 1;
    if (is_text && continues(*what.at))
        return od_slice_starts_with(in, what);
    const char *at = find(in, what);
    if (at == NULL)
        return 0;
    if (!is_text)
        return at - in.at + 1;
    bool begins_inside = in.size > 0 && continues(*in.at); // That too is a character to it.
    return count_characters(in.at, at) + begins_inside + 1;
}

static void instr(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    if (is_null(values[0]) || is_null(values[1]))
        return;
    bool is_text = !is_blob(values[0]) || !is_blob(values[1]);
    od_slice in = is_text ? text_of(values[0]) : blob_of(values[0]);
    od_slice what = is_text ? text_of(values[1]) : blob_of(values[1]);
    sqlite3_result_int64(context, place_of(in, what, is_text));
}

// False: the result would be too long.
static bool replace_all(od_slice in, od_slice what, od_slice with, struct od_bytes *out)
{
    const char *at;
    while ((at = find(in, what)) != NULL) {
        size_t before = (size_t)(at - in.at);
        od_bytes_put(out, in.at, before);
        od_bytes_put_slice(out, with);
        if (out->size > OD_SQL_VALUE_BYTES_MAX)
            return false;
        in = od_slice_from(in, before + what.size);
    }
    od_bytes_put_slice(out, in);
    return out->size <= OD_SQL_VALUE_BYTES_MAX;
}

static void replace(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    if (is_null(values[0]) || is_null(values[1]))
        return;
    od_slice in = text_of(values[0]), what = text_of(values[1]), with = text_of(values[2]);
    if (what.size == 0 || *what.at == 0) { // To the original, too, that is nothing.
        sqlite3_result_value(context, values[0]);
        return;
    }
    if (is_null(values[2]))
        return;
    struct od_bytes out = {0};
    if (replace_all(in, what, with, &out))
        sqlite3_result_text(context, out.size == 0 ? "" : out.at, (int)out.size, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_toobig(context);
    od_bytes_deinit(&out);
}

// --- trim ----------------------------------------------------------------------------------------

// Characters to be taken away, sorted by their bytes.
struct set {
    od_slice *characters;
    size_t count;
    size_t longest; // Bytes.
};

static int compare(od_slice a, od_slice b)
{
    int order = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_members(const void *a, const void *b)
{
    return compare(*(const od_slice *)a, *(const od_slice *)b);
}

// To the original, too, the set ends at a zero.
static void split(struct set *set, od_slice text)
{
    text.size = text.size > 0 ? strnlen(text.at, text.size) : 0;
    set->characters = od_allocate((text.size + 1) * sizeof *set->characters);
    for (size_t at = 0, end; at < text.size; at = end) {
        bool is_long = (unsigned char)text.at[at] >= 0xc0;
        for (end = at + 1; is_long && end < text.size && end < at + 4 && continues(text.at[end]);)
            end++;
        set->characters[set->count++] = (od_slice){text.at + at, end - at};
        set->longest = end - at > set->longest ? end - at : set->longest;
    }
    qsort(set->characters, set->count, sizeof *set->characters, compare_members);
}

static bool has(const struct set *set, od_slice character)
{
    return bsearch(&character, set->characters, set->count, sizeof character, compare_members) !=
           NULL;
}

// How many bytes the character of the set has with which [text] begins, or ends; 0: with none.
static size_t find_edge(const struct set *set, od_slice text, bool at_end)
{
    for (size_t size = 1; size <= set->longest && size <= text.size; size++) {
        if (has(set, (od_slice){text.at + (at_end ? text.size - size : 0), size}))
            return size;
    }
    return 0;
}

enum side {
    LEFT = 1,
    RIGHT = 2,
};

static od_slice trim_of(od_slice text, const struct set *set, intptr_t sides)
{
    size_t size;
    while ((sides & LEFT) != 0 && (size = find_edge(set, text, false)) > 0)
        text = od_slice_from(text, size);
    while ((sides & RIGHT) != 0 && (size = find_edge(set, text, true)) > 0)
        text.size -= size;
    return text;
}

static void trim(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct set set = {0};
    if (is_null(values[0]) || (count == 2 && is_null(values[1])))
        return;
    od_slice text = text_of(values[0]);
    split(&set, count == 2 ? text_of(values[1]) : OD_SLICE(" "));
    text = trim_of(text, &set, (intptr_t)sqlite3_user_data(context));
    sqlite3_result_text(context, text.size == 0 ? "" : text.at, (int)text.size, SQLITE_TRANSIENT);
    free(set.characters);
}

// --- printf --------------------------------------------------------------------------------------

struct format {
    const char *at;
    int next; // Argument.
    int count;
    sqlite3_value **values;
};

// The number that stands there, or that of an argument.
static int64_t read_number(struct format *format)
{
    int64_t number = 0;
    if (*format->at == '*') {
        format->at++;
        if (format->next < format->count)
            number = sqlite3_value_int(format->values[format->next]);
        format->next++;
        return number < 0 ? -number : number;
    }
    for (; *format->at >= '0' && *format->at <= '9'; format->at++)
        number = number > OD_SQL_VALUE_BYTES_MAX ? number : 10 * number + (*format->at - '0');
    return number;
}

// The next conversion: how often it repeats a character.
static int64_t read_conversion(struct format *format)
{
    int64_t precision = 0;
    format->at += strspn(format->at, "-+ !#0,l");
    read_number(format);
    if (*format->at == '.') {
        format->at++;
        precision = read_number(format);
    }
    format->at += strspn(format->at, "l");
    char kind = *format->at;
    format->at += kind != '\0';
    format->next += kind != '%' && kind != 'n';
    return kind == 'c' ? precision : 0;
}

// SQLite 3.40 repeats a character as often as it is told, also when the result is too long already.
static void format(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct format format = {.next = 1, .count = count, .values = values};
    int64_t repeated = 0;
    format.at = count > 0 ? (const char *)sqlite3_value_text(values[0]) : NULL;
    while (format.at != NULL && (format.at = strchr(format.at, '%')) != NULL) {
        format.at++;
        repeated += read_conversion(&format);
    }
    if (repeated > OD_SQL_VALUE_BYTES_MAX)
        sqlite3_result_error_toobig(context);
    else if (count > 0)
        od_sql_plain_call(context, "printf", count, values);
}

// --- json_patch ----------------------------------------------------------------------------------

#define SUBTYPE_OF_JSON 'J'
#define JSON_AS_BYTES 3045000 // The version of SQLite from which on it has jsonb_patch.

// Newer versions want to be told whose results may have a subtype; older ones take no notice.
#ifndef SQLITE_RESULT_SUBTYPE
#define SQLITE_RESULT_SUBTYPE (1 << 24)
#endif

static uint64_t count_members(sqlite3_value *value)
{
    if (sqlite3_value_type(value) == SQLITE_BLOB) // JSON as bytes: a member takes two, or more.
        return (uint64_t)sqlite3_value_bytes(value) / 2 + 1;
    od_slice text = text_of(value);
    uint64_t count = 1;
    for (size_t i = 0; i < text.size; i++)
        count += text.at[i] == ',';
    return count;
}

static bool is_cheap_patch(sqlite3_context *context, sqlite3_value **values)
{
    if (count_members(values[0]) * count_members(values[1]) <= OD_SQL_PATCH_COST_MAX)
        return true;
    sqlite3_result_error(context, "json_patch: the two have too many members", -1);
    return false;
}

static void patch(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!is_cheap_patch(context, values))
        return;
    od_sql_plain_call(context, "json_patch", count, values);
    sqlite3_result_subtype(context, SUBTYPE_OF_JSON);
}

static void patch_bytes(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (is_cheap_patch(context, values))
        od_sql_plain_call(context, "jsonb_patch", count, values);
}

// --- changes -------------------------------------------------------------------------------------

static sqlite3_int64 changes_of(sqlite3_context *context)
{
    const struct od_sql_guard *guard = sqlite3_user_data(context);
    return sqlite3_total_changes64(sqlite3_context_db_handle(context)) - guard->changes_before;
}

// By the last statement; as long as nothing has been changed, it would be one of another object.
static void changes(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3 *db = sqlite3_context_db_handle(context);
    sqlite3_result_int64(context, changes_of(context) == 0 ? 0 : sqlite3_changes64(db));
}

static void total_changes(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_int64(context, changes_of(context));
}

int od_sql_functions_add(sqlite3 *db, struct od_sql_guard *guard)
{
    enum {
        pure = SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS
    };
    const struct {
        const char *name;
        int count, flags;
        void *data;
        void (*call)(sqlite3_context *context, int count, sqlite3_value **values);
    } rows[] = {
        {"instr", 2, pure, NULL, instr},
        {"replace", 3, pure, NULL, replace},
        {"trim", 1, pure, (void *)(intptr_t)(LEFT | RIGHT), trim},
        {"trim", 2, pure, (void *)(intptr_t)(LEFT | RIGHT), trim},
        {"ltrim", 1, pure, (void *)(intptr_t)LEFT, trim},
        {"ltrim", 2, pure, (void *)(intptr_t)LEFT, trim},
        {"rtrim", 1, pure, (void *)(intptr_t)RIGHT, trim},
        {"rtrim", 2, pure, (void *)(intptr_t)RIGHT, trim},
        {"printf", -1, pure, NULL, format},
        {"format", -1, pure, NULL, format},
        {"json_patch", 2, pure | SQLITE_RESULT_SUBTYPE, NULL, patch},
        {"changes", 0, SQLITE_INNOCUOUS, guard, changes},
        {"total_changes", 0, SQLITE_INNOCUOUS, guard, total_changes},
        {"jsonb_patch", 2, pure, NULL, patch_bytes},
    };
    size_t count = sizeof rows / sizeof *rows - (sqlite3_libversion_number() < JSON_AS_BYTES);
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code =
            sqlite3_create_function_v2(db, rows[i].name, rows[i].count, SQLITE_UTF8 | rows[i].flags,
                                       rows[i].data, rows[i].call, NULL, NULL, NULL);
    return code;
}
