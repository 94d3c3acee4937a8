#include "sql/guard.h"

#include <string.h>
#include <strings.h>

#include "sql/limits.h"

static const char use_transaction[] =
    "To execute a transaction, please use storage:transaction() instead of the SQL BEGIN "
    "TRANSACTION or SAVEPOINT statements. It covers SQL and keys together, and keeps what it wrote "
    "from being seen before it is stored.";

// --- Lists, each in its alphabet's order ---------------------------------------------------------

static const char *const functions[] = {"->",
                                        "->>",
                                        "abs",
                                        "acos",
                                        "acosh",
                                        "asin",
                                        "asinh",
                                        "atan",
                                        "atan2",
                                        "atanh",
                                        "avg",
                                        "bm25",
                                        "ceil",
                                        "ceiling",
                                        "changes",
                                        "char",
                                        "coalesce",
                                        "cos",
                                        "cosh",
                                        "count",
                                        "cume_dist",
                                        "current_date",
                                        "current_time",
                                        "current_timestamp",
                                        "date",
                                        "datetime",
                                        "degrees",
                                        "dense_rank",
                                        "exp",
                                        "first_value",
                                        "floor",
                                        "format",
                                        "glob",
                                        "group_concat",
                                        "hex",
                                        "highlight",
                                        "ifnull",
                                        "iif",
                                        "instr",
                                        "json",
                                        "json_array",
                                        "json_array_length",
                                        "json_extract",
                                        "json_group_array",
                                        "json_group_object",
                                        "json_insert",
                                        "json_object",
                                        "json_patch",
                                        "json_quote",
                                        "json_remove",
                                        "json_replace",
                                        "json_set",
                                        "json_type",
                                        "json_valid",
                                        "julianday",
                                        "lag",
                                        "last_insert_rowid",
                                        "last_value",
                                        "lead",
                                        "length",
                                        "like",
                                        "likelihood",
                                        "likely",
                                        "ln",
                                        "log",
                                        "log10",
                                        "log2",
                                        "lower",
                                        "ltrim",
                                        "match",
                                        "max",
                                        "min",
                                        "mod",
                                        "nth_value",
                                        "ntile",
                                        "nullif",
                                        "octet_length",
                                        "percent_rank",
                                        "pi",
                                        "pow",
                                        "power",
                                        "printf",
                                        "quote",
                                        "radians",
                                        "random",
                                        "randomblob",
                                        "rank",
                                        "regexp",
                                        "replace",
                                        "round",
                                        "row_number",
                                        "rtreecheck",
                                        "rtreedepth",
                                        "rtreenode",
                                        "rtrim",
                                        "sign",
                                        "sin",
                                        "sinh",
                                        "snippet",
                                        "soundex",
                                        "sqlite_drop_column",
                                        "sqlite_rename_column",
                                        "sqlite_rename_quotefix",
                                        "sqlite_rename_table",
                                        "sqlite_rename_test",
                                        "sqrt",
                                        "strftime",
                                        "string_agg",
                                        "substr",
                                        "substring",
                                        "sum",
                                        "tan",
                                        "tanh",
                                        "time",
                                        "timediff",
                                        "total",
                                        "total_changes",
                                        "trim",
                                        "trunc",
                                        "typeof",
                                        "unhex",
                                        "unicode",
                                        "unixepoch",
                                        "unlikely",
                                        "upper",
                                        "zeroblob"};

static const char *const modules[] = {"fts5", "fts5vocab", "rtree", "rtree_i32"};

// Tables that come with the library and show more than the object's own data.
static const char *const tables_of_library[] = {"bytecode",      "dbstat",      "fts3tokenize",
                                                "sqlite_dbpage", "sqlite_stmt", "tables_used"};

enum argument {
    NONE = 1,  // It may only be asked for,
    ANY = 2,   // asked with an argument,
    SWITCH = 4 // or be turned on and off.
};

static const struct pragma {
    const char *name;
    unsigned arguments;
} pragmas[] = {
    {"case_sensitive_like", NONE | SWITCH},
    {"data_version", NONE},
    {"defer_foreign_keys", NONE | SWITCH},
    {"foreign_key_check", NONE | ANY},
    {"foreign_key_list", ANY},
    {"foreign_keys", NONE | SWITCH},
    {"ignore_check_constraints", NONE | SWITCH},
    {"index_info", ANY},
    {"index_list", ANY},
    {"index_xinfo", ANY},
    {"legacy_alter_table", NONE | SWITCH},
    {"optimize", NONE | ANY},
    {"page_count", NONE},
    {"page_size", NONE},
    {"quick_check", NONE | ANY},
    {"recursive_triggers", NONE | SWITCH},
    {"reverse_unordered_selects", NONE | SWITCH},
    {"table_info", ANY},
    {"table_list", NONE | ANY},
    {"table_xinfo", ANY},
};

static bool is_in(const char *name, const char *const *list, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (strcasecmp(name, list[i]) == 0)
            return true;
    }
    return false;
}

#define IS_IN(name, list) is_in(name, list, sizeof(list) / sizeof *(list))

static bool is_switch(const char *text)
{
    static const char *const words[] = {"0", "1", "false", "no", "off", "on", "true", "yes"};
    return IS_IN(text, words);
}

static bool allows_pragma(const char *name, const char *argument)
{
    for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++) {
        unsigned may = pragmas[i].arguments;
        if (strcasecmp(name, pragmas[i].name) != 0)
            continue;
        if (argument == NULL)
            return (may & NONE) != 0;
        return (may & ANY) != 0 || ((may & SWITCH) != 0 && is_switch(argument));
    }
    return false;
}

// --- The authorizer ------------------------------------------------------------------------------

static bool is_ours(const char *name)
{
    return name != NULL && (strncasecmp(name, "_cf_", 4) == 0 || strncasecmp(name, "_od_", 4) == 0);
}

static int refuse(struct od_sql_guard *guard, const char *why)
{
    if (guard->refusal == NULL)
        guard->refusal = why;
    return SQLITE_DENY;
}

static int judge_pragma(struct od_sql_guard *guard, const char *name, const char *argument)
{
    if (is_ours(argument))
        return refuse(guard, "names that begin with _cf_ or _od_ are reserved");
    guard->has_switched = guard->has_switched || (argument != NULL && is_switch(argument));
    return allows_pragma(name, argument) ? SQLITE_OK : refuse(guard, "this PRAGMA is not allowed");
}

static int judge_function(struct od_sql_guard *guard, const char *name)
{
    (void)guard; // SQLite's own text names it.
    return IS_IN(name, functions) ? SQLITE_OK : SQLITE_DENY;
}

static int judge_table(struct od_sql_guard *guard, const char *name)
{
    return name != NULL && IS_IN(name, tables_of_library)
               ? refuse(guard, "this table of SQLite is not allowed")
               : SQLITE_OK;
}

static int judge_rest(struct od_sql_guard *guard, int action, const char *first, const char *second)
{
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        return refuse(guard, use_transaction);
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return refuse(guard, "an object has one database: ATTACH, DETACH and VACUUM are not "
                             "allowed (room that is free is given back without VACUUM)");
    case SQLITE_PRAGMA:
        return judge_pragma(guard, first, second);
    case SQLITE_FUNCTION:
        return judge_function(guard, second);
    case SQLITE_CREATE_VTABLE:
        return IS_IN(second, modules)
                   ? SQLITE_OK
                   : refuse(guard, "virtual tables are of the kinds fts5, fts5vocab, rtree and "
                                   "rtree_i32");
    case SQLITE_READ:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        return judge_table(guard, first);
    default:
        return SQLITE_OK;
    }
}

static bool is_of_schema(const char *table)
{
    return table != NULL && (strcmp(table, "sqlite_master") == 0);
}

// Whether it is part of what makes something that is empty yet.
static bool makes_only(int action, const char *first)
{
    switch (action) {
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_VIEW:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_REINDEX:
    case SQLITE_FUNCTION: // In what is made; it is not called.
        return true;
    case SQLITE_READ:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
        return is_of_schema(first);
    default:
        return false;
    }
}

static int judge(void *owner, int action, const char *first, const char *second, const char *where,
                 const char *inner)
{
    struct od_sql_guard *guard = owner;
    (void)inner;
    if (guard->is_trusted)
        return SQLITE_OK;
    guard->sees_more = guard->sees_more || !makes_only(action, first);
    if (is_ours(first) || (action != SQLITE_FUNCTION && action != SQLITE_PRAGMA && is_ours(second)))
        return refuse(guard, "names that begin with _cf_ or _od_ are reserved");
    bool looks_only = action == SQLITE_READ || action == SQLITE_SELECT || action == SQLITE_UPDATE;
    if (where != NULL && strcasecmp(where, "temp") == 0 && !looks_only) // A rename looks there too.
        return refuse(guard, "temporary tables, views and triggers are not allowed");
    if (action == SQLITE_ALTER_TABLE) {
        guard->sees_alter = true;
        return SQLITE_OK;
    }
    return judge_rest(guard, action, first, second);
}

bool od_sql_guard_names_ours(const char *text, size_t size)
{
    for (size_t i = 0; i + 4 <= size; i++) {
        bool begins = i == 0 || strchr(" \t\r\n\f\"'`[.,(/", text[i - 1]) != NULL;
        if (begins && is_ours(text + i))
            return true;
    }
    return false;
}

// --- Limits --------------------------------------------------------------------------------------

static void set_limits(sqlite3 *db)
{
    static const struct {
        int id, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, OD_SQL_VALUE_BYTES_MAX},
        {SQLITE_LIMIT_SQL_LENGTH, OD_SQL_TEXT_BYTES_MAX},
        {SQLITE_LIMIT_COLUMN, OD_SQL_COLUMNS_MAX},
        {SQLITE_LIMIT_EXPR_DEPTH, OD_SQL_DEPTH_MAX},
        {SQLITE_LIMIT_COMPOUND_SELECT, OD_SQL_COMPOUND_MAX},
        {SQLITE_LIMIT_VDBE_OP, OD_SQL_STEPS_MAX},
        {SQLITE_LIMIT_FUNCTION_ARG, OD_SQL_ARGUMENTS_MAX},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, OD_SQL_PATTERN_BYTES_MAX},
        {SQLITE_LIMIT_VARIABLE_NUMBER, OD_SQL_BINDINGS_MAX},
        {SQLITE_LIMIT_TRIGGER_DEPTH, OD_SQL_TRIGGERS_MAX},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        sqlite3_limit(db, limits[i].id, limits[i].value);
}

int od_sql_guard_set(struct od_sql_guard *guard, sqlite3 *db)
{
    static const struct {
        int id, value;
    } switches[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
    };
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof switches / sizeof *switches; i++)
        code = sqlite3_db_config(db, switches[i].id, switches[i].value, NULL);
    set_limits(db);
    return code == SQLITE_OK ? sqlite3_set_authorizer(db, judge, guard) : code;
}
