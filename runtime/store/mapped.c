#include "store/mapped.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log_sink.h"

enum {
    page_bytes = 4096, // The smallest there is.
};

static _Thread_local sigjmp_buf *way_out; // Of the call that runs; NULL: none does.

static const int numbers[] = {SIGBUS, SIGSEGV};
static struct sigaction before[2];
static bool is_prepared;

static _Thread_local MDB_cursor *cursors[OD_MAPPED_CURSORS_MAX];
static _Thread_local unsigned cursor_count;

static void say(int number)
{
    static const char text[] =
        "open-do: a page of a mapped file is not there (SIGBUS): data.mdb was cut or its disk "
        "fails; restore the data directory from a backup\n";
    if (number == SIGBUS)
        (void)od_log_sink_write(OD_SLICE(text), 0);
}

// A signal that somebody sent is not about a page. Otherwise what failed is tried again, and meets
// whoever waited for it before.
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    bool is_sent = info->si_code <= 0;
    if (way_out != NULL && !is_sent)
        siglongjmp(*way_out, 1);
    say(is_sent ? 0 : number);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &before[i], NULL);
    if (is_sent)
        raise(number);
}

// LMDB aborts when this returns.
static void on_assertion(MDB_env *lmdb, const char *text)
{
    (void)lmdb;
    (void)text;
    if (way_out != NULL)
        siglongjmp(*way_out, 1);
}

void od_mapped_prepare(MDB_env *lmdb)
{
    mdb_env_set_assert(lmdb, on_assertion);
    if (is_prepared)
        return;
    // Not blocked while its handler runs: the jump out of it restores no mask, which would cost a
    // call of the system for each read.
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, &before[i]);
    is_prepared = true;
}

static int leave(int code, sigjmp_buf *outer, unsigned mark)
{
    OD_ASSERT(way_out != NULL);
    OD_ASSERT(cursor_count == mark); // Whoever opens one closes it.
    way_out = outer;
    return code;
}

int od_mapped_call(int (*call)(void *argument), void *argument)
{
    sigjmp_buf here, *const outer = way_out; // A visitor may ask anew.
    const unsigned mark = cursor_count;
    if (sigsetjmp(here, 0) == 0) {
        way_out = &here;
        return leave(call(argument), outer, mark);
    }
    way_out = outer;
    while (cursor_count > mark)
        od_mapped_cursor_close(cursors[cursor_count - 1]);
    return MDB_CORRUPTED;
}

int od_mapped_cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **cursor)
{
    OD_ASSERT(way_out != NULL); // A cursor outside of a call would not be closed by a jump.
    if (cursor_count == OD_MAPPED_CURSORS_MAX)
        return MDB_CORRUPTED; // Chains that are longer than any key.
    int code = mdb_cursor_open(txn, table, cursor);
    if (code == 0)
        cursors[cursor_count++] = *cursor;
    return code;
}

void od_mapped_cursor_close(MDB_cursor *cursor)
{
    OD_ASSERT(cursor_count > 0);
    OD_ASSERT(cursors[cursor_count - 1] == cursor);
    cursor_count--;
    mdb_cursor_close(cursor);
}

void od_mapped_touch(MDB_val value)
{
    const volatile char *bytes = value.mv_data;
    for (size_t at = 0; at < value.mv_size; at += page_bytes)
        (void)bytes[at];
    if (value.mv_size > 0)
        (void)bytes[value.mv_size - 1];
}
