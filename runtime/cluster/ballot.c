#include "cluster/ballot.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "cluster/news.h"

#define TEXT(number) #number
#define TEXT_OF(limit) TEXT(limit)
#define FAILED_MAX TEXT_OF(OD_CLUSTER_FAILED_MAX)

struct row {
    uint32_t version;
    enum od_version_state state;
    od_node_id node; // That has proposed it,
    uint64_t incarnation;
    char why[OD_ERROR_BYTES_MAX];
};

// --- What is cast --------------------------------------------------------------------------------

static void take(struct od_ballot_vote *to, struct od_ballot_vote *from)
{
    if (!from->is_there)
        return;
    od_bytes_deinit(&to->text);
    *to = *from;
    *from = (struct od_ballot_vote){.is_there = false};
}

static void take_cast(struct od_ballot *ballot)
{
    pthread_mutex_lock(&ballot->mutex);
    for (size_t i = 0; i < OD_VOTE_COUNT; i++)
        take(&ballot->votes[i], &ballot->cast[i]);
    ballot->is_cast = false;
    pthread_mutex_unlock(&ballot->mutex);
    struct od_ballot_vote *proposal = &ballot->votes[OD_VOTE_PROPOSE];
    proposal->is_there = proposal->is_there && proposal->text.size > 0; // Else it is withdrawn.
    ballot->has_begun = ballot->has_begun || ballot->votes[OD_VOTE_LOADED].is_there;
}

// Nothing is put where another one is proposed already, or serves that the node did not know of
// when it proposed this; what there is, the rows say.
static const struct od_statement propose = {
    "propose", "INSERT INTO od_script (version, state, node, inc, why, files)"
               " SELECT (SELECT coalesce(max(version), 0) + 1 FROM od_script), 'proposed',"
               " ($1::int8)::int4, $2::int8, ''::bytea, $3::bytea"
               " WHERE NOT EXISTS (SELECT 1 FROM od_script WHERE state = 'proposed' OR"
               " (state = 'serves' AND version > $4::int8))"
               " ON CONFLICT (version) DO NOTHING RETURNING version"};

static const struct od_statement note_loaded = {
    "loaded", "UPDATE od_node SET loaded = $3::int8 WHERE id = ($1::int8)::int4 AND inc = $2::int8"
              " AND state = 'up'"};

// One that leaves makes nothing fail: the others go on without it.
static const struct od_statement fail = {
    "fail", "UPDATE od_script SET state = 'failed', why = $4::bytea, files = ''::bytea"
            " WHERE version = $3::int8 AND state = 'proposed' AND EXISTS (SELECT 1 FROM od_node"
            " WHERE id = ($1::int8)::int4 AND inc = $2::int8 AND state = 'up')"};

static enum od_answer run_as_self(const struct od_ballot *ballot, struct od_postgres *postgres,
                                  const struct od_statement *statement, od_slice last)
{
    char room[2][8];
    const od_slice parameters[] = {od_postgres_int8(ballot->self->id, room[0]),
                                   od_postgres_int8(ballot->self->incarnation, room[1]), last};
    return od_postgres_run(postgres, statement, parameters, 3);
}

static enum od_answer say_failed(const struct od_ballot *ballot, struct od_postgres *postgres,
                                 uint32_t version, od_slice why)
{
    char room[3][8];
    why.size = why.size < OD_ERROR_BYTES_MAX ? why.size : OD_ERROR_BYTES_MAX - 1;
    const od_slice parameters[] = {od_postgres_int8(ballot->self->id, room[0]),
                                   od_postgres_int8(ballot->self->incarnation, room[1]),
                                   od_postgres_int8(version, room[2]), why};
    return od_postgres_run(postgres, &fail, parameters, 4);
}

static void tell(struct od_ballot *ballot, const struct od_cluster_version *version)
{
    ballot->tell(ballot->member, od_news_of_version(version));
}

// The engine has no room for it, say: whoever proposed it hears that.
static bool say_proposal(struct od_ballot *ballot, struct od_postgres *postgres)
{
    struct od_ballot_vote *vote = &ballot->votes[OD_VOTE_PROPOSE];
    char room[3][8];
    const od_slice parameters[] = {od_postgres_int8(ballot->self->id, room[0]),
                                   od_postgres_int8(ballot->self->incarnation, room[1]),
                                   od_bytes_slice(&vote->text),
                                   od_postgres_int8(vote->version, room[2])};
    enum od_answer answer = od_postgres_run(postgres, &propose, parameters, 4);
    if (answer == OD_ANSWER_LOST)
        return false;
    if (answer == OD_ANSWER_REFUSED)
        tell(ballot, &(struct od_cluster_version){.state = OD_VERSION_FAILED,
                                                  .why = od_slice_of(postgres->why)});
    vote->is_there = answer == OD_ANSWER_OK && od_postgres_rows(postgres) == 0;
    return true;
}

static bool say_votes(struct od_ballot *ballot, struct od_postgres *postgres)
{
    char room[8];
    struct od_ballot_vote *loaded = &ballot->votes[OD_VOTE_LOADED];
    struct od_ballot_vote *refused = &ballot->votes[OD_VOTE_REFUSE];
    if (ballot->votes[OD_VOTE_PROPOSE].is_there && !say_proposal(ballot, postgres))
        return false;
    if (loaded->is_there && run_as_self(ballot, postgres, &note_loaded,
                                        od_postgres_int8(loaded->version, room)) != OD_ANSWER_OK)
        return false;
    loaded->is_there = false;
    if (refused->is_there && say_failed(ballot, postgres, refused->version,
                                        od_bytes_slice(&refused->text)) != OD_ANSWER_OK)
        return false;
    refused->is_there = false;
    return true;
}

// --- What there is -------------------------------------------------------------------------------

// What serves is among them, however many have failed since; and whether others serve it, as of the
// same moment.
static const struct od_statement read_rows = {
    "versions",
    "SELECT version, state, node, inc, why, EXISTS (SELECT 1 FROM od_node WHERE state IN"
    " ('joining', 'up', 'leaving') AND loaded > 0 AND id <> ($1::int8)::int4)::int4"
    " FROM od_script WHERE state <> 'failed' OR"
    " version + " FAILED_MAX " >= (SELECT max(version) FROM od_script)"
    " ORDER BY version DESC"};

static const struct od_statement read_files = {
    "files", "SELECT files FROM od_script WHERE version = $1::int8"};

static enum od_version_state state_of(od_slice text)
{
    if (od_slice_equal(text, OD_SLICE("serves")))
        return OD_VERSION_SERVES;
    return od_slice_equal(text, OD_SLICE("proposed")) ? OD_VERSION_PROPOSED : OD_VERSION_FAILED;
}

static bool read(struct od_ballot *ballot, struct od_postgres *postgres, struct row *rows,
                 size_t *count)
{
    char room[8];
    od_slice self = od_postgres_int8(ballot->self->id, room);
    if (od_postgres_run(postgres, &read_rows, &self, 1) != OD_ANSWER_OK)
        return false;
    ballot->has_others = od_postgres_rows(postgres) > 0 && od_postgres_int(postgres, 0, 5) != 0;
    size_t all = od_postgres_rows(postgres);
    *count = all < OD_CLUSTER_VERSIONS_MAX ? all : OD_CLUSTER_VERSIONS_MAX;
    for (size_t i = 0; i < *count; i++) {
        struct row *row = &rows[*count - 1 - i]; // In order of their numbers.
        od_slice why = od_postgres_bytes(postgres, i, 4);
        row->version = (uint32_t)od_postgres_int(postgres, i, 0);
        row->state = state_of(od_postgres_bytes(postgres, i, 1));
        row->node = (od_node_id)od_postgres_int(postgres, i, 2);
        row->incarnation = (uint64_t)od_postgres_int(postgres, i, 3);
        snprintf(row->why, sizeof row->why, "%.*s", (int)why.size, why.at);
    }
    return true;
}

// With its files, unless they were told with an earlier state. One that is gone meanwhile is told
// by what has taken its place.
static bool tell_row(struct od_ballot *ballot, struct od_postgres *postgres, const struct row *row,
                     struct od_cluster_version version)
{
    char room[8];
    od_slice number = od_postgres_int8(row->version, room);
    bool has_files = row->state != OD_VERSION_FAILED && ballot->told != row->version;
    if (has_files && od_postgres_run(postgres, &read_files, &number, 1) != OD_ANSWER_OK)
        return false;
    if (has_files && od_postgres_rows(postgres) == 0)
        return true;
    version.version = row->version;
    version.state = row->state;
    version.node = row->node;
    version.why = od_slice_of(row->why);
    version.files = has_files ? od_postgres_bytes(postgres, 0, 0) : (od_slice){NULL, 0};
    tell(ballot, &version);
    ballot->told = row->version;
    ballot->told_state = row->state;
    return true;
}

// The first word: with what this node may begin. Of what has failed before nobody here has asked.
static bool tell_first(struct od_ballot *ballot, struct od_postgres *postgres,
                       const struct row *rows, size_t count)
{
    struct od_cluster_version first = {
        .state = OD_VERSION_SERVES, .is_first = true, .has_others = ballot->has_others};
    for (size_t i = count; i-- > 0 && first.version == 0;) {
        if (rows[i].state != OD_VERSION_SERVES)
            continue;
        first.version = rows[i].version;
        if (!tell_row(ballot, postgres, &rows[i], first))
            return false;
    }
    if (ballot->told != first.version)
        return true; // It has gone meanwhile: the next look says what has come.
    if (first.version == 0)
        tell(ballot, &first);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].state == OD_VERSION_FAILED && rows[i].version > ballot->told) {
            ballot->told = rows[i].version;
            ballot->told_state = OD_VERSION_FAILED;
        }
    }
    ballot->has_looked = true;
    return true;
}

static bool is_own(const struct od_ballot *ballot, const struct row *row)
{
    return row->node == ballot->self->id && row->incarnation == ballot->self->incarnation;
}

// Who has not begun yet begins with what serves, and hears behind that what others propose.
static bool is_news(const struct od_ballot *ballot, const struct row *row)
{
    if (row->state == OD_VERSION_PROPOSED && !ballot->has_begun && !is_own(ballot, row))
        return false;
    return row->version > ballot->told ||
           (row->version == ballot->told && row->state != ballot->told_state);
}

static bool tell_news(struct od_ballot *ballot, struct od_postgres *postgres,
                      const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_news(ballot, &rows[i]) &&
            !tell_row(ballot, postgres, &rows[i], (struct od_cluster_version){0}))
            return false;
    }
    return true;
}

// --- The outcome ---------------------------------------------------------------------------------

static const struct od_statement decide = {
    "decide", "UPDATE od_script SET state = 'serves' WHERE version = $1::int8 AND state ="
              " 'proposed' AND EXISTS (SELECT 1 FROM od_node WHERE state = 'up' AND"
              " loaded = $1::int8) AND NOT EXISTS (SELECT 1 FROM od_node WHERE state = 'up' AND"
              " loaded > 0 AND loaded < $1::int8) RETURNING version"};

static const struct od_statement prune = {
    "prune", "DELETE FROM od_script WHERE version < (SELECT max(version) FROM od_script WHERE"
             " state = 'serves') OR (state = 'failed' AND version + " FAILED_MAX " <"
             " (SELECT max(version) FROM od_script))"};

static const struct od_cluster_node *find(const struct od_cluster_node *nodes, size_t count,
                                          const struct row *row)
{
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].id == row->node && nodes[i].incarnation == row->incarnation)
            return &nodes[i];
    }
    return NULL;
}

static od_node_id who_is_silent(const struct od_cluster_node *nodes, size_t count, uint32_t version)
{
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].standing != OD_STANDING_LEAVING && nodes[i].loaded > 0 &&
            nodes[i].loaded < version)
            return nodes[i].id;
    }
    return 0;
}

// True: it has to fail, and [why].
static bool is_in_vain(const struct od_ballot *ballot, const struct row *row,
                       const struct od_cluster_node *nodes, size_t count, char *why, size_t size)
{
    if (find(nodes, count, row) == NULL) {
        snprintf(why, size, "node %u has proposed it, and has ended", row->node);
        return true;
    }
    bool is_early = od_clock_monotonic_ms() - ballot->since_ms <= OD_CLUSTER_PROPOSAL_MS;
    if (is_early || OD_FAULT("proposal.wait"))
        return false;
    od_node_id silent = who_is_silent(nodes, count, row->version);
    snprintf(why, size, "node %u has not said within %d s whether it can load it",
             silent == 0 ? row->node : silent, OD_CLUSTER_PROPOSAL_MS / 1000);
    return true;
}

static bool settle(struct od_ballot *ballot, struct od_postgres *postgres, const struct row *row,
                   const struct od_cluster_node *nodes, size_t count)
{
    char room[8], why[256];
    od_slice number = od_postgres_int8(row->version, room);
    bool is_new = ballot->proposed != row->version;
    if (is_new) {
        ballot->proposed = row->version;
        ballot->since_ms = od_clock_monotonic_ms();
    }
    if (od_postgres_run(postgres, &decide, &number, 1) != OD_ANSWER_OK)
        return false;
    if (od_postgres_rows(postgres) == 0) {
        // Who has just come and proposed it is not among [nodes] yet: they were looked at before.
        if (is_new || !is_in_vain(ballot, row, nodes, count, why, sizeof why))
            return true;
        if (say_failed(ballot, postgres, row->version, od_slice_of(why)) != OD_ANSWER_OK)
            return false;
    }
    return od_postgres_run(postgres, &prune, NULL, 0) == OD_ANSWER_OK;
}

// What was proposed is this node's own, also when the answer to that was lost.
static void find_own(struct od_ballot *ballot, const struct row *row)
{
    if (is_own(ballot, row))
        ballot->votes[OD_VOTE_PROPOSE].is_there = false;
}

bool od_ballot_look(struct od_ballot *ballot, struct od_postgres *postgres,
                    const struct od_cluster_node *nodes, size_t count)
{
    struct row rows[OD_CLUSTER_VERSIONS_MAX];
    size_t row_count;
    take_cast(ballot);
    if (!say_votes(ballot, postgres) || !read(ballot, postgres, rows, &row_count))
        return false;
    if (!ballot->has_looked && !tell_first(ballot, postgres, rows, row_count))
        return false;
    if (!ballot->has_looked)
        return true;
    if (!tell_news(ballot, postgres, rows, row_count))
        return false;
    if (row_count == 0 || rows[row_count - 1].state != OD_VERSION_PROPOSED)
        return true;
    find_own(ballot, &rows[row_count - 1]);
    return settle(ballot, postgres, &rows[row_count - 1], nodes, count) &&
           read(ballot, postgres, rows, &row_count) && tell_news(ballot, postgres, rows, row_count);
}

// --- The loop's side -----------------------------------------------------------------------------

void od_ballot_init(struct od_ballot *ballot, const struct od_cluster_node *self,
                    void (*tell_member)(void *member, struct od_news *news), void *member)
{
    *ballot = (struct od_ballot){.self = self, .tell = tell_member, .member = member};
    pthread_mutex_init(&ballot->mutex, NULL);
}

void od_ballot_deinit(struct od_ballot *ballot)
{
    for (size_t i = 0; i < OD_VOTE_COUNT; i++) {
        od_bytes_deinit(&ballot->cast[i].text);
        od_bytes_deinit(&ballot->votes[i].text);
    }
    pthread_mutex_destroy(&ballot->mutex);
}

void od_ballot_cast(struct od_ballot *ballot, enum od_vote vote, uint32_t version, od_slice text)
{
    OD_ASSERT(vote < OD_VOTE_COUNT);
    OD_ASSERT(vote == OD_VOTE_PROPOSE || version > 0);
    pthread_mutex_lock(&ballot->mutex);
    struct od_ballot_vote *cast = &ballot->cast[vote];
    cast->is_there = ballot->is_cast = true;
    cast->version = version;
    od_bytes_clear(&cast->text);
    od_bytes_put_slice(&cast->text, text);
    pthread_mutex_unlock(&ballot->mutex);
}

bool od_ballot_is_cast(struct od_ballot *ballot)
{
    pthread_mutex_lock(&ballot->mutex);
    bool is_cast = ballot->is_cast;
    pthread_mutex_unlock(&ballot->mutex);
    return is_cast;
}
