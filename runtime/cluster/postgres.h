// A connection to the engine, and statements over it: one at a time, each with one answer.
//
// An answer is OK, REFUSED (the engine has said why, and has done nothing), or LOST: the connection
// has broken, no answer came in time, or the engine has warned that what it says may not hold (a
// standby that did not confirm). What became of a statement whose answer is lost is unknown, and it
// may still be carried out. Also a refusal that is about the engine and not about the statement (it
// is shutting down, or is a replica) is told as LOST, because it is to be tried again elsewhere.
//
// Whoever waits is woken by [stop_fd].
//
// Thread: any, one at a time. Owner: embedded; od_postgres_deinit.

#ifndef OD_CLUSTER_POSTGRES_H
#define OD_CLUSTER_POSTGRES_H

#include "base/error.h"
#include "base/slice.h"
#include "cluster/limits.h"

struct pg_conn;
struct pg_result;

enum od_answer {
    OD_ANSWER_OK,
    OD_ANSWER_REFUSED,
    OD_ANSWER_LOST,
};

struct od_statement { // Prepared at its first use on a connection.
    const char *name;
    const char *text;
};

struct od_postgres {
    const char *url;            // Borrowed.
    int stop_fd;                // Readable: nobody is waited for any more. -1: none.
    struct pg_conn *connection; // NULL: there is none.
    const struct od_statement *prepared[OD_CLUSTER_STATEMENTS_MAX];
    size_t prepared_count;
    struct pg_result *result; // Of the last that was OK; until the next.
    bool has_warned;
    char code[6];                   // REFUSED: the engine's code, "23505",
    char why[OD_CLUSTER_WHY_BYTES]; // and what it says; also LOST.
};

void od_postgres_init(struct od_postgres *postgres, const char *url, int stop_fd);
void od_postgres_deinit(struct od_postgres *postgres);

// Connects, unless it is. OK or LOST.
OD_MUST_CHECK enum od_answer od_postgres_connect(struct od_postgres *postgres);

// Without it the connection is closed, and what is on its way over it with it.
void od_postgres_disconnect(struct od_postgres *postgres);

// Several statements without parameters, as one.
OD_MUST_CHECK enum od_answer od_postgres_say(struct od_postgres *postgres, const char *text);

// [parameters] in binary form (array.h, od_postgres_int8), or texts. Connects first.
OD_MUST_CHECK enum od_answer od_postgres_run(struct od_postgres *postgres,
                                             const struct od_statement *statement,
                                             const od_slice *parameters, size_t count);

// The same for an answer of any size: [row] is called for each row of it as it comes, with which
// the fields can be read. It says false: no more is read, and the answer is LOST.
OD_MUST_CHECK enum od_answer od_postgres_each(
    struct od_postgres *postgres, const struct od_statement *statement, const od_slice *parameters,
    size_t count, bool (*row)(void *context, const struct od_postgres *postgres), void *context);

// Of the last answer. Fields that are NULL are 0 or empty.
size_t od_postgres_rows(const struct od_postgres *postgres);
od_slice od_postgres_bytes(const struct od_postgres *postgres, size_t row, size_t field);
int64_t od_postgres_int(const struct od_postgres *postgres, size_t row, size_t field);

// A parameter of type int8; [room] holds it.
od_slice od_postgres_int8(uint64_t value, char room[8]);

#endif
