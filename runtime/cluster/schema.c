#include "cluster/schema.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/hex.h"
#include "base/log.h"

static bool say_why(const struct od_postgres *postgres, struct od_error *err, const char *what)
{
    return od_error_set(err, "--cluster: %s: %s", what, postgres->why);
}

// --- What the engine is --------------------------------------------------------------------------

static const struct od_statement settings = {
    "settings", "SELECT coalesce(current_setting('fsync', true), 'on'),"
                " coalesce(current_setting('full_page_writes', true), 'on'),"
                " coalesce(current_setting('synchronous_commit', true), 'on'),"
                " coalesce(current_setting('synchronous_standby_names', true), ''),"
                " current_setting('transaction_read_only', true)"};

static bool is_text(const struct od_postgres *postgres, size_t field, const char *text)
{
    return od_slice_equal(od_postgres_bytes(postgres, 0, field), od_slice_of(text));
}

static bool check_settings(struct od_postgres *postgres, struct od_error *err)
{
    static const char *const names[] = {"fsync", "full_page_writes", "synchronous_commit"};
    if (od_postgres_run(postgres, &settings, NULL, 0) != OD_ANSWER_OK)
        return say_why(postgres, err, "the settings of PostgreSQL cannot be read");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (is_text(postgres, i, "off"))
            return od_error_set(
                err,
                "--cluster: PostgreSQL has %s = off and would lose what it has confirmed: "
                "turn it on",
                names[i]);
    }
    if (!is_text(postgres, 3, "") && is_text(postgres, 2, "local"))
        return od_error_set(err, "--cluster: PostgreSQL has synchronous_commit = local and would "
                                 "lose what its standby does not have: turn it on");
    if (is_text(postgres, 4, "on"))
        return od_error_set(err, "--cluster: this PostgreSQL may only be read, as a replica: name "
                                 "the primary");
    return true;
}

// Another engine may not know this view, and who may not look into it sees nobody.
static const struct od_statement standbys = {
    "standbys", "SELECT count(*) FROM pg_stat_replication"
                " WHERE coalesce(current_setting('synchronous_standby_names', true), '') = ''"};

static void warn_of_standbys(struct od_postgres *postgres)
{
    if (od_postgres_run(postgres, &standbys, NULL, 0) == OD_ANSWER_OK &&
        od_postgres_int(postgres, 0, 0) > 0)
        od_log(
            OD_LOG_WARN, NULL,
            "--cluster: PostgreSQL has a standby that need not have what is confirmed, and would "
            "lose some of it in the place of the primary: set synchronous_standby_names");
}

// --- The tables ----------------------------------------------------------------------------------

static void make_id(char id[OD_CLUSTER_ID_BYTES + 1])
{
    char bytes[OD_CLUSTER_ID_BYTES / 2];
    ssize_t size = getrandom(bytes, sizeof bytes, 0);
    OD_ASSERT(size == sizeof bytes);
    od_hex_put(id, (od_slice){bytes, sizeof bytes});
    id[OD_CLUSTER_ID_BYTES] = '\0';
}

// One transaction: another node that does the same at the same time makes one of the two fail.
static enum od_answer make_tables(struct od_postgres *postgres)
{
    char id[OD_CLUSTER_ID_BYTES + 1], text[3072];
    make_id(id);
    int size = snprintf(
        text, sizeof text,
        "BEGIN;"
        "CREATE TABLE od_meta (k text PRIMARY KEY, v text NOT NULL);"
        "CREATE TABLE od_node (id int PRIMARY KEY, name text NOT NULL UNIQUE, inc bigint NOT NULL,"
        " address text NOT NULL, beat bigint NOT NULL, state text NOT NULL,"
        " loaded bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);"
        "CREATE TABLE od_slot (slot int PRIMARY KEY, epoch bigint NOT NULL, seq bigint NOT NULL,"
        " owner int NOT NULL, inc bigint NOT NULL) WITH (fillfactor = 50);"
        "CREATE TABLE od_kv (slot int NOT NULL, object bytea NOT NULL, k bytea NOT NULL,"
        " v bytea NOT NULL, PRIMARY KEY (slot, object, k));"
        "CREATE TABLE od_script (version bigint PRIMARY KEY, state text NOT NULL,"
        " node int NOT NULL, inc bigint NOT NULL, why bytea NOT NULL, files bytea NOT NULL);"
        "CREATE INDEX od_kv_alarms ON od_kv (slot, object, k) WHERE k >= '\\x01' AND k < '\\x02';"
        "ALTER TABLE od_kv ALTER COLUMN v SET STORAGE EXTERNAL;"
        "INSERT INTO od_slot SELECT g, 0, 0, 0, 0 FROM generate_series(0, %d) AS g;"
        "INSERT INTO od_meta VALUES ('version', '" OD_CLUSTER_SCHEMA_VERSION "'), ('slots', '%d'),"
        " ('cluster', '%s'), ('next node', '1');"
        "COMMIT;",
        OD_SLOT_COUNT - 1, OD_SLOT_COUNT, id);
    OD_ASSERT(size > 0 && (size_t)size < sizeof text);
    enum od_answer answer = od_postgres_say(postgres, text);
    if (answer == OD_ANSWER_REFUSED) { // It is in a transaction that failed.
        char why[OD_CLUSTER_WHY_BYTES], code[6];
        memcpy(why, postgres->why, sizeof why);
        memcpy(code, postgres->code, sizeof code);
        (void)!od_postgres_say(postgres, "ROLLBACK");
        memcpy(postgres->why, why, sizeof why);
        memcpy(postgres->code, code, sizeof code);
    }
    return answer;
}

static const struct od_statement read_meta = {"meta",
                                              "SELECT (SELECT v FROM od_meta WHERE k = 'version'),"
                                              " (SELECT v FROM od_meta WHERE k = 'slots'),"
                                              " (SELECT v FROM od_meta WHERE k = 'cluster')"};

static bool has_code(const struct od_postgres *postgres, const char *code)
{
    return strcmp(postgres->code, code) == 0;
}

// Somebody else may be about to make them.
static bool find_tables(struct od_postgres *postgres, struct od_error *err)
{
    for (int tries = 0; tries < 3; tries++) {
        enum od_answer answer = od_postgres_run(postgres, &read_meta, NULL, 0);
        if (answer == OD_ANSWER_OK)
            return true;
        if (answer == OD_ANSWER_LOST || !has_code(postgres, "42P01"))
            return say_why(postgres, err, "the tables of the cluster cannot be read");
        answer = make_tables(postgres);
        bool was_first = answer == OD_ANSWER_REFUSED &&
                         (has_code(postgres, "23505") || has_code(postgres, "42P07") ||
                          has_code(postgres, "42710"));
        if (answer != OD_ANSWER_OK && !was_first)
            return say_why(postgres, err, "the tables of the cluster cannot be made");
    }
    return say_why(postgres, err, "the tables of the cluster cannot be made");
}

static bool check_version(const struct od_postgres *postgres, struct od_error *err)
{
    char slots[16];
    od_slice version = od_postgres_bytes(postgres, 0, 0), count = od_postgres_bytes(postgres, 0, 1);
    snprintf(slots, sizeof slots, "%d", OD_SLOT_COUNT);
    if (!od_slice_equal(version, OD_SLICE(OD_CLUSTER_SCHEMA_VERSION)))
        return od_error_set(err,
                            "--cluster: the tables there are of version %.*s, and this program "
                            "(" OD_VERSION ") knows version " OD_CLUSTER_SCHEMA_VERSION,
                            (int)version.size, version.at);
    if (!od_slice_equal(count, od_slice_of(slots)))
        return od_error_set(err, "--cluster: the cluster there has %.*s slots, and this program %s",
                            (int)count.size, count.at, slots);
    return true;
}

static const struct od_statement may_write = {
    "rights", "SELECT count(*) FROM (VALUES ('od_meta'), ('od_node'), ('od_slot'), ('od_kv'),"
              " ('od_script')) AS t (name) WHERE NOT (has_table_privilege(name, 'SELECT')"
              " AND has_table_privilege(name, 'INSERT') AND has_table_privilege(name, 'UPDATE')"
              " AND has_table_privilege(name, 'DELETE'))"};

static bool check_rights(struct od_postgres *postgres, struct od_error *err)
{
    if (od_postgres_run(postgres, &may_write, NULL, 0) != OD_ANSWER_OK)
        return say_why(postgres, err, "the rights on the tables of the cluster cannot be read");
    return od_postgres_int(postgres, 0, 0) == 0 ||
           od_error_set(err,
                        "--cluster: its user may not write to the tables of the cluster: grant "
                        "SELECT, INSERT, UPDATE and DELETE on od_meta, od_node, od_slot, "
                        "od_kv and od_script");
}

bool od_schema_open(struct od_postgres *postgres, char cluster_id[OD_CLUSTER_ID_BYTES + 1],
                    struct od_error *err)
{
    if (od_postgres_connect(postgres) != OD_ANSWER_OK)
        return say_why(postgres, err, "PostgreSQL cannot be used");
    if (!check_settings(postgres, err) || !find_tables(postgres, err) ||
        !check_version(postgres, err))
        return false;
    od_slice id = od_postgres_bytes(postgres, 0, 2);
    if (id.size != OD_CLUSTER_ID_BYTES)
        return od_error_set(err, "--cluster: the cluster there has no id");
    memcpy(cluster_id, id.at, id.size);
    cluster_id[id.size] = '\0';
    warn_of_standbys(postgres);
    return check_rights(postgres, err);
}
