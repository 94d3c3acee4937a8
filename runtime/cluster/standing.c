#include "cluster/standing.h"

// --- Joining -------------------------------------------------------------------------------------

static const struct od_statement find_id = {
    "id", "UPDATE od_meta SET v = ((v::int8) + 1)::text WHERE k = 'next node'"
          " AND NOT EXISTS (SELECT 1 FROM od_node WHERE name = convert_from($1::bytea, 'UTF8'))"
          " RETURNING (v::int8) - 1"};

static const struct od_statement join = {
    "join", "INSERT INTO od_node (id, name, inc, address, beat, state) VALUES"
            " (($1::int8)::int4, convert_from($2::bytea, 'UTF8'), 1,"
            " convert_from($3::bytea, 'UTF8'), 0, 'joining')"
            " ON CONFLICT (name) DO UPDATE SET inc = od_node.inc + 1, state = 'joining',"
            " address = excluded.address, beat = od_node.beat + 1, loaded = 0 RETURNING id, inc"};

bool od_standing_join(struct od_postgres *postgres, struct od_cluster_node *self,
                      struct od_error *err)
{
    char room[8];
    od_slice name = od_slice_of(self->name);
    if (od_postgres_run(postgres, &find_id, &name, 1) != OD_ANSWER_OK)
        return od_error_set(err, "--cluster: this node cannot join: %s", postgres->why);
    // Without a row there is one with that name, which keeps its id.
    int64_t id = od_postgres_rows(postgres) > 0 ? od_postgres_int(postgres, 0, 0) : 0;
    const od_slice parameters[] = {od_postgres_int8((uint64_t)id, room), name,
                                   od_slice_of(self->address)};
    if (od_postgres_run(postgres, &join, parameters, 3) != OD_ANSWER_OK)
        return od_error_set(err, "--cluster: this node cannot join: %s", postgres->why);
    self->id = (od_node_id)od_postgres_int(postgres, 0, 0);
    self->incarnation = (uint64_t)od_postgres_int(postgres, 0, 1);
    self->standing = OD_STANDING_JOINING;
    return true;
}

// --- From then on --------------------------------------------------------------------------------

static enum od_answer run_about(struct od_postgres *postgres, const struct od_statement *statement,
                                od_node_id id, uint64_t incarnation)
{
    char room[2][8];
    OD_ASSERT(id != 0);
    const od_slice parameters[] = {od_postgres_int8(id, room[0]),
                                   od_postgres_int8(incarnation, room[1])};
    return od_postgres_run(postgres, statement, parameters, 2);
}

static const struct od_statement beat = {
    "beat", "UPDATE od_node SET beat = beat + 1 WHERE id = ($1::int8)::int4 AND inc = $2::int8"
            " AND state IN ('joining', 'up', 'leaving') RETURNING beat"};

enum od_answer od_standing_beat(struct od_postgres *postgres, const struct od_cluster_node *self,
                                bool *is_there)
{
    enum od_answer answer = run_about(postgres, &beat, self->id, self->incarnation);
    *is_there = answer == OD_ANSWER_OK && od_postgres_rows(postgres) > 0;
    return answer;
}

static const struct od_statement rise = {
    "rise", "UPDATE od_node SET state = 'up' WHERE id = ($1::int8)::int4 AND inc = $2::int8"
            " AND state = 'joining'"};

enum od_answer od_standing_rise(struct od_postgres *postgres, const struct od_cluster_node *self)
{
    return run_about(postgres, &rise, self->id, self->incarnation);
}

static const struct od_statement say_leaving = {
    "leaving", "UPDATE od_node SET state = 'leaving' WHERE id = ($1::int8)::int4"
               " AND inc = $2::int8 AND state IN ('joining', 'up')"};

enum od_answer od_standing_leave(struct od_postgres *postgres, od_node_id id, uint64_t incarnation)
{
    return run_about(postgres, &say_leaving, id, incarnation);
}

static const struct od_statement leave_slots = {
    "leave", "UPDATE od_slot SET owner = 0, inc = 0, epoch = epoch + 1"
             " WHERE owner = ($1::int8)::int4 AND inc = $2::int8"};

static const struct od_statement leave_nodes = {
    "left", "UPDATE od_node SET state = 'left' WHERE id = ($1::int8)::int4 AND inc = $2::int8"
            " AND state IN ('joining', 'up', 'leaving')"};

void od_standing_end(struct od_postgres *postgres, const struct od_cluster_node *self)
{
    if (run_about(postgres, &leave_slots, self->id, self->incarnation) == OD_ANSWER_OK)
        (void)!run_about(postgres, &leave_nodes, self->id, self->incarnation);
}

enum od_standing od_standing_of(od_slice state)
{
    OD_ASSERT(state.at != NULL);
    if (od_slice_equal(state, OD_SLICE("joining")))
        return OD_STANDING_JOINING;
    return od_slice_equal(state, OD_SLICE("leaving")) ? OD_STANDING_LEAVING : OD_STANDING_UP;
}
