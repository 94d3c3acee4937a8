#include "sql/error.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES_MAX 120 // Of SQL that is shown.

static const struct name {
    int code;
    const char *text;
} names[] = {
    {SQLITE_ERROR, "SQLITE_ERROR"},
    {SQLITE_ABORT, "SQLITE_ABORT"},
    {SQLITE_AUTH, "SQLITE_AUTH"},
    {SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT"},
    {SQLITE_CONSTRAINT_CHECK, "SQLITE_CONSTRAINT_CHECK"},
    {SQLITE_CONSTRAINT_DATATYPE, "SQLITE_CONSTRAINT_DATATYPE"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, "SQLITE_CONSTRAINT_FOREIGNKEY"},
    {SQLITE_CONSTRAINT_NOTNULL, "SQLITE_CONSTRAINT_NOTNULL"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, "SQLITE_CONSTRAINT_PRIMARYKEY"},
    {SQLITE_CONSTRAINT_ROWID, "SQLITE_CONSTRAINT_ROWID"},
    {SQLITE_CONSTRAINT_TRIGGER, "SQLITE_CONSTRAINT_TRIGGER"},
    {SQLITE_CONSTRAINT_UNIQUE, "SQLITE_CONSTRAINT_UNIQUE"},
    {SQLITE_CORRUPT, "SQLITE_CORRUPT"},
    {SQLITE_FULL, "SQLITE_FULL"},
    {SQLITE_INTERRUPT, "SQLITE_INTERRUPT"},
    {SQLITE_LOCKED, "SQLITE_LOCKED"},
    {SQLITE_MISMATCH, "SQLITE_MISMATCH"},
    {SQLITE_NOMEM, "SQLITE_NOMEM"},
    {SQLITE_NOTADB, "SQLITE_NOTADB"},
    {SQLITE_RANGE, "SQLITE_RANGE"},
    {SQLITE_READONLY, "SQLITE_READONLY"},
    {SQLITE_TOOBIG, "SQLITE_TOOBIG"},
};

static const char *name_of(int code)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].code == code)
            return names[i].text;
    }
    return code == (code & 0xff) ? sqlite3_errstr(code) : name_of(code & 0xff);
}

// Where SQLite's own words would leave one alone.
static const char *words_for(const struct od_sql_connection *connection, int code)
{
    if (connection->is_refused)
        return "the writes of one stretch without a yield are more than 32 MiB; wait for something "
               "between them, for example storage:sync()";
    if (code == SQLITE_AUTH && connection->guard.refusal != NULL)
        return connection->guard.refusal;
    if (code == SQLITE_INTERRUPT)
        return "the query was interrupted, because its event has been running for too long "
               "(--event-limit-ms)";
    if (code == SQLITE_NOMEM)
        return "out of memory: the statement is too complex, or needs more memory than SQL may "
               "take";
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return "the object's database is damaged on disk; its keys and other objects are not "
               "concerned (storage:deleteAll() begins anew)";
    return NULL;
}

// The line of [text], and a caret below its byte [at], behind what [err] says.
static void point(struct od_error *err, od_slice text, size_t at)
{
    size_t begin = at, end = at;
    while (begin > 0 && text.at[begin - 1] != '\n' && at - begin < LINE_BYTES_MAX / 2)
        begin--;
    while (end < text.size && text.at[end] != '\n' && end - begin < LINE_BYTES_MAX)
        end++;
    size_t used = strlen(err->text);
    if (used + (at - begin) + (end - begin) + 16 > sizeof err->text)
        return;
    int written = snprintf(err->text + used, sizeof err->text - used, "\n    %.*s\n    ",
                           (int)(end - begin), text.at + begin);
    char *out = err->text + used + written;
    for (size_t i = begin; i < at; i++) // As wide as what stands above: tabs stay, and characters
        if (text.at[i] == '\t')         // of several bytes are one.
            *out++ = '\t';
        else if (((unsigned char)text.at[i] & 0xc0) != 0x80)
            *out++ = ' ';
    *out++ = '^';
    *out = '\0';
}

bool od_sql_error(struct od_sql_connection *connection, int code, od_slice text,
                  const char *statement, struct od_error *err)
{
    int offset = sqlite3_error_offset(connection->db);
    int exact = sqlite3_extended_errcode(connection->db);
    const char *words = words_for(connection, code & 0xff);
    od_error_set(err, "%s: %s", words != NULL ? words : sqlite3_errmsg(connection->db),
                 name_of((exact & 0xff) == (code & 0xff) ? exact : code));
    size_t from = (size_t)(statement - text.at);
    if (offset >= 0 && from + (size_t)offset <= text.size)
        point(err, text, from + (size_t)offset);
    return false;
}
