#include "cluster/postgres.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cluster/libpq.h"

void od_postgres_init(struct od_postgres *postgres, const char *url, int stop_fd)
{
    *postgres = (struct od_postgres){.url = url, .stop_fd = stop_fd};
}

static void forget_result(struct od_postgres *postgres)
{
    PQclear(postgres->result);
    postgres->result = NULL;
}

void od_postgres_disconnect(struct od_postgres *postgres)
{
    if (postgres->result != NULL)
        forget_result(postgres);
    if (postgres->connection != NULL)
        PQfinish(postgres->connection);
    postgres->connection = NULL;
    postgres->prepared_count = 0;
}

void od_postgres_deinit(struct od_postgres *postgres)
{
    od_postgres_disconnect(postgres);
}

// --- What went wrong -----------------------------------------------------------------------------

// libpq may say several lines, and begins some with a tab: they become one.
static void note(struct od_postgres *postgres, const char *text)
{
    size_t size = 0;
    for (; *text != '\0' && size + 1 < sizeof postgres->why; text++) {
        bool is_gap = *text == '\n' || *text == '\t' || *text == ' ';
        if (!is_gap)
            postgres->why[size++] = *text;
        else if (size > 0 && postgres->why[size - 1] != ' ')
            postgres->why[size++] = ' ';
    }
    size -= size > 0 && postgres->why[size - 1] == ' ';
    postgres->why[size] = '\0';
}

static enum od_answer lose(struct od_postgres *postgres, const char *why)
{
    note(postgres, why);
    od_postgres_disconnect(postgres);
    return OD_ANSWER_LOST;
}

static enum od_answer lose_as_said(struct od_postgres *postgres)
{
    char why[OD_CLUSTER_WHY_BYTES];
    snprintf(why, sizeof why, "%s", PQerrorMessage(postgres->connection));
    return lose(postgres, why);
}

// Classes of the engine's codes that are about itself: connections, transactions that may only
// read, what it has no more of but may have again, and operators.
static bool is_of_engine(const char *code)
{
    static const char *const classes[] = {"08", "25", "57"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strncmp(code, classes[i], 2) == 0)
            return true;
    }
    return strcmp(code, "53300") == 0; // Too many connections.
}

static enum od_answer refuse(struct od_postgres *postgres, const struct pg_result *result)
{
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(postgres->code, sizeof postgres->code, "%s", code == NULL ? "XX000" : code);
    note(postgres, text == NULL ? PQerrorMessage(postgres->connection) : text);
    return is_of_engine(postgres->code) ? OD_ANSWER_LOST : OD_ANSWER_REFUSED;
}

// What only informs ("relation already exists, skipping") is a NOTICE.
static void on_notice(void *context, const struct pg_result *result)
{
    struct od_postgres *postgres = context;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (severity == NULL || strcmp(severity, "WARNING") != 0)
        return;
    postgres->has_warned = true;
    note(postgres, text == NULL ? "a warning" : text);
}

// --- Waiting -------------------------------------------------------------------------------------

// False: the time is over, or nobody is waited for any more.
static bool wait(struct od_postgres *postgres, short events, od_time_ms until_ms)
{
    struct pollfd fds[2] = {{.fd = PQsocket(postgres->connection), .events = events},
                            {.fd = postgres->stop_fd, .events = POLLIN}};
    int count;
    do { // Signals are the loop's, and it waits here at the start only.
        int64_t left_ms = until_ms - od_clock_passed_us() / 1000;
        count = left_ms > 0 ? poll(fds, 2, (int)left_ms) : 0;
    } while (count < 0 && errno == EINTR);
    return count > 0 && fds[1].revents == 0;
}

static od_time_ms in_ms(od_time_ms ms)
{
    return od_clock_passed_us() / 1000 + ms;
}

static bool connect_on(struct od_postgres *postgres)
{
    od_time_ms until_ms = in_ms(OD_CLUSTER_CONNECT_MS);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (PQstatus(postgres->connection) != CONNECTION_BAD &&
           (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)) {
        if (!wait(postgres, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ms)) {
            (void)lose(postgres, "no answer in time");
            return false;
        }
        status = PQconnectPoll(postgres->connection);
    }
    if (status == PGRES_POLLING_OK)
        return true;
    (void)lose_as_said(postgres);
    return false;
}

// What the URL says of the same wins, for it comes later.
enum od_answer od_postgres_connect(struct od_postgres *postgres)
{
    if (postgres->connection != NULL)
        return OD_ANSWER_OK;
    const char *const names[] = {"fallback_application_name",
                                 "target_session_attrs",
                                 "tcp_user_timeout",
                                 "keepalives_idle",
                                 "client_encoding",
                                 "dbname",
                                 NULL};
    const char *const values[] = {"open-do", "read-write",  "10000", "10",
                                  "UTF8",    postgres->url, NULL};
    postgres->connection = PQconnectStartParams(names, values, 1);
    if (postgres->connection == NULL)
        return lose(postgres, "there is no memory for a connection");
    PQsetNoticeReceiver(postgres->connection, on_notice, postgres);
    if (!connect_on(postgres))
        return OD_ANSWER_LOST;
    PQsetnonblocking(postgres->connection, 1);
    return OD_ANSWER_OK;
}

// --- One statement -------------------------------------------------------------------------------

static bool flush(struct od_postgres *postgres, od_time_ms until_ms)
{
    int left;
    while ((left = PQflush(postgres->connection)) == 1) {
        if (!wait(postgres, POLLIN | POLLOUT, until_ms) || !PQconsumeInput(postgres->connection))
            return false;
    }
    return left == 0;
}

// False: it will not come.
static bool next_result(struct od_postgres *postgres, struct pg_result **result)
{
    od_time_ms until_ms = in_ms(OD_CLUSTER_ANSWER_MS);
    if (!flush(postgres, until_ms))
        return false;
    while (PQisBusy(postgres->connection)) {
        if (!wait(postgres, POLLIN, until_ms) || !PQconsumeInput(postgres->connection))
            return false;
    }
    *result = PQgetResult(postgres->connection);
    return true;
}

struct rows {
    bool (*take)(void *context, const struct od_postgres *postgres);
    void *context;
};

static bool is_good(const struct pg_result *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_SINGLE_TUPLE;
}

// A row that comes by itself is taken at once; anything else is the answer.
static bool take_result(struct od_postgres *postgres, const struct rows *rows,
                        enum od_answer *answer)
{
    if (!is_good(postgres->result)) {
        *answer = refuse(postgres, postgres->result);
        return true;
    }
    bool is_row = rows != NULL && PQresultStatus(postgres->result) == PGRES_SINGLE_TUPLE;
    return !is_row || rows->take(rows->context, postgres);
}

static enum od_answer receive(struct od_postgres *postgres, const struct rows *rows)
{
    enum od_answer answer = OD_ANSWER_OK;
    struct pg_result *result;
    for (;;) {
        if (!next_result(postgres, &result))
            return PQstatus(postgres->connection) == CONNECTION_BAD
                       ? lose_as_said(postgres)
                       : lose(postgres, "no answer in time");
        if (result == NULL)
            break;
        if (postgres->result != NULL)
            forget_result(postgres);
        postgres->result = result;
        if (!take_result(postgres, rows, &answer))
            return lose(postgres, "the answer is not read to its end");
    }
    if (PQstatus(postgres->connection) == CONNECTION_BAD)
        return lose(postgres, postgres->why);
    if (postgres->has_warned || answer == OD_ANSWER_LOST) {
        od_postgres_disconnect(postgres);
        return OD_ANSWER_LOST;
    }
    return answer;
}

static void begin(struct od_postgres *postgres)
{
    if (postgres->result != NULL)
        forget_result(postgres);
    postgres->has_warned = false;
    postgres->code[0] = postgres->why[0] = '\0';
}

enum od_answer od_postgres_say(struct od_postgres *postgres, const char *text)
{
    if (od_postgres_connect(postgres) != OD_ANSWER_OK)
        return OD_ANSWER_LOST;
    begin(postgres);
    if (!PQsendQuery(postgres->connection, text))
        return lose_as_said(postgres);
    return receive(postgres, NULL);
}

static enum od_answer prepare(struct od_postgres *postgres, const struct od_statement *statement)
{
    for (size_t i = 0; i < postgres->prepared_count; i++) {
        if (postgres->prepared[i] == statement)
            return OD_ANSWER_OK;
    }
    if (!PQsendPrepare(postgres->connection, statement->name, statement->text, 0, NULL))
        return lose_as_said(postgres);
    enum od_answer answer = receive(postgres, NULL);
    if (answer != OD_ANSWER_OK)
        return answer;
    OD_ASSERT(postgres->prepared_count < OD_CLUSTER_STATEMENTS_MAX);
    postgres->prepared[postgres->prepared_count++] = statement;
    return OD_ANSWER_OK;
}

enum {
    parameters_max = 16,
};

static bool send(struct od_postgres *postgres, const struct od_statement *statement,
                 const od_slice *parameters, size_t count)
{
    const char *values[parameters_max];
    int lengths[parameters_max], formats[parameters_max];
    OD_ASSERT(count <= parameters_max);
    for (size_t i = 0; i < count; i++) {
        OD_ASSERT(parameters[i].size <= INT32_MAX);
        values[i] = parameters[i].at == NULL ? "" : parameters[i].at;
        lengths[i] = (int)parameters[i].size;
        formats[i] = 1;
    }
    return PQsendQueryPrepared(postgres->connection, statement->name, (int)count, values, lengths,
                               formats, 1) == 1;
}

static enum od_answer run(struct od_postgres *postgres, const struct od_statement *statement,
                          const od_slice *parameters, size_t count, const struct rows *rows)
{
    if (od_postgres_connect(postgres) != OD_ANSWER_OK)
        return OD_ANSWER_LOST;
    begin(postgres);
    enum od_answer prepared = prepare(postgres, statement);
    if (prepared != OD_ANSWER_OK)
        return prepared;
    begin(postgres);
    if (!send(postgres, statement, parameters, count))
        return lose_as_said(postgres);
    if (rows != NULL)
        PQsetSingleRowMode(postgres->connection);
    return receive(postgres, rows);
}

enum od_answer od_postgres_run(struct od_postgres *postgres, const struct od_statement *statement,
                               const od_slice *parameters, size_t count)
{
    return run(postgres, statement, parameters, count, NULL);
}

enum od_answer od_postgres_each(struct od_postgres *postgres, const struct od_statement *statement,
                                const od_slice *parameters, size_t count,
                                bool (*row)(void *context, const struct od_postgres *postgres),
                                void *context)
{
    struct rows rows = {row, context};
    return run(postgres, statement, parameters, count, &rows);
}

// --- The answer ----------------------------------------------------------------------------------

size_t od_postgres_rows(const struct od_postgres *postgres)
{
    return postgres->result == NULL ? 0 : (size_t)PQntuples(postgres->result);
}

od_slice od_postgres_bytes(const struct od_postgres *postgres, size_t row, size_t field)
{
    OD_ASSERT(row < od_postgres_rows(postgres));
    return (od_slice){PQgetvalue(postgres->result, (int)row, (int)field),
                      (size_t)PQgetlength(postgres->result, (int)row, (int)field)};
}

int64_t od_postgres_int(const struct od_postgres *postgres, size_t row, size_t field)
{
    od_slice bytes = od_postgres_bytes(postgres, row, field);
    uint64_t value = 0;
    OD_ASSERT(bytes.size == 0 || bytes.size == 4 || bytes.size == 8);
    if (bytes.size == 4) {
        uint32_t half;
        memcpy(&half, bytes.at, sizeof half);
        return (int32_t)be32toh(half);
    }
    if (bytes.size == 8)
        memcpy(&value, bytes.at, sizeof value);
    return (int64_t)be64toh(value);
}

od_slice od_postgres_int8(uint64_t value, char room[8])
{
    uint64_t big = htobe64(value);
    memcpy(room, &big, sizeof big);
    return (od_slice){room, sizeof big};
}
