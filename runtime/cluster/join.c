#include "cluster/join.h"

static const struct od_statement find_id = {
    "id", "UPDATE od_meta SET v = ((v::int8) + 1)::text WHERE k = 'next node'"
          " AND NOT EXISTS (SELECT 1 FROM od_node WHERE name = convert_from($1::bytea, 'UTF8'))"
          " RETURNING (v::int8) - 1"};

static const struct od_statement join = {
    "join", "INSERT INTO od_node (id, name, inc, address, beat, state) VALUES"
            " (($1::int8)::int4, convert_from($2::bytea, 'UTF8'), 1,"
            " convert_from($3::bytea, 'UTF8'), 0, 'up')"
            " ON CONFLICT (name) DO UPDATE SET inc = od_node.inc + 1, state = 'up',"
            " address = excluded.address, beat = od_node.beat + 1, loaded = 0 RETURNING id, inc"};

bool od_cluster_join(struct od_postgres *postgres, struct od_cluster_node *self,
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
    return true;
}
