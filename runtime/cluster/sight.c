#include "cluster/sight.h"

#include <string.h>

#include "cluster/limits.h"
#include "cluster/standing.h"

static const struct od_statement read_nodes = {
    "nodes", "SELECT id, inc, beat, name, address, state, loaded FROM od_node"
             " WHERE state IN ('joining', 'up', 'leaving') AND id > 0 ORDER BY id"};

const struct od_seen *od_sight_find(const struct od_sight *sight, od_node_id id,
                                    uint64_t incarnation)
{
    OD_ASSERT(sight->count <= OD_CLUSTER_NODES_MAX);
    for (size_t i = 0; i < sight->count; i++) {
        if (sight->seen[i].node.id == id && sight->seen[i].node.incarnation == incarnation)
            return &sight->seen[i];
    }
    return NULL;
}

static void copy_text(char *to, size_t size, od_slice text)
{
    size_t count = text.size < size ? text.size : size - 1;
    memcpy(to, text.at, count);
    to[count] = '\0';
}

// Of the time since the last look what does not count.
static od_time_ms excess_ms(const struct od_sight *sight, od_time_ms began_ms)
{
    od_time_ms gap_ms = began_ms - sight->looked_ms;
    return gap_ms > OD_CLUSTER_POLL_GAP_MS ? gap_ms - OD_CLUSTER_POLL_GAP_MS : 0;
}

static struct od_seen read_node(const struct od_sight *sight, const struct od_postgres *postgres,
                                size_t row, od_time_ms began_ms)
{
    struct od_seen seen = {.node = {.id = (od_node_id)od_postgres_int(postgres, row, 0),
                                    .incarnation = (uint64_t)od_postgres_int(postgres, row, 1),
                                    .loaded = (uint32_t)od_postgres_int(postgres, row, 6)},
                           .beat = od_postgres_int(postgres, row, 2),
                           .since_ms = od_clock_monotonic_ms()};
    copy_text(seen.node.name, sizeof seen.node.name, od_postgres_bytes(postgres, row, 3));
    copy_text(seen.node.address, sizeof seen.node.address, od_postgres_bytes(postgres, row, 4));
    seen.node.standing = od_standing_of(od_postgres_bytes(postgres, row, 5));
    const struct od_seen *before = od_sight_find(sight, seen.node.id, seen.node.incarnation);
    od_time_ms excess = excess_ms(sight, began_ms);
    bool begins_anew = sight->was_away && excess > 0;
    if (before != NULL && before->beat == seen.beat && !begins_anew)
        seen.since_ms = before->since_ms + excess;
    return seen;
}

enum od_answer od_sight_look(struct od_sight *sight, struct od_postgres *postgres)
{
    od_time_ms began_ms = od_clock_monotonic_ms();
    struct od_seen seen[OD_CLUSTER_NODES_MAX];
    enum od_answer answer = od_postgres_run(postgres, &read_nodes, NULL, 0);
    if (answer != OD_ANSWER_OK)
        return answer;
    size_t count = od_postgres_rows(postgres);
    count = count < OD_CLUSTER_NODES_MAX ? count : OD_CLUSTER_NODES_MAX;
    for (size_t i = 0; i < count; i++)
        seen[i] = read_node(sight, postgres, i, began_ms);
    memcpy(sight->seen, seen, count * sizeof *seen);
    sight->count = count;
    sight->looked_ms = began_ms;
    sight->was_away = false;
    return OD_ANSWER_OK;
}

static const struct od_statement declare_dead = {
    "dead", "UPDATE od_node SET state = 'dead' WHERE id = ($1::int8)::int4 AND inc = $2::int8"
            " AND beat = $3::int8 AND state IN ('joining', 'up', 'leaving')"};

static enum od_answer bury(struct od_postgres *postgres, const struct od_seen *seen)
{
    char room[3][8];
    const od_slice parameters[] = {od_postgres_int8(seen->node.id, room[0]),
                                   od_postgres_int8(seen->node.incarnation, room[1]),
                                   od_postgres_int8((uint64_t)seen->beat, room[2])};
    return od_postgres_run(postgres, &declare_dead, parameters, 3);
}

enum od_answer od_sight_bury(const struct od_sight *sight, struct od_postgres *postgres,
                             od_node_id self, bool *has_buried)
{
    OD_ASSERT(self != 0);
    *has_buried = false;
    enum od_answer answer = OD_ANSWER_OK;
    for (size_t i = 0; i < sight->count && answer == OD_ANSWER_OK; i++) {
        const struct od_seen *seen = &sight->seen[i];
        bool is_dead = sight->looked_ms - seen->since_ms > OD_CLUSTER_DEAD_MS;
        if (!is_dead || seen->node.id == self)
            continue;
        answer = bury(postgres, seen);
        *has_buried = true;
    }
    return answer;
}

void od_sight_lose(struct od_sight *sight)
{
    OD_ASSERT(sight->count <= OD_CLUSTER_NODES_MAX);
    sight->was_away = true;
}

od_time_ms od_sight_pause_ms(const struct od_sight *sight)
{
    od_time_ms now_ms = od_clock_monotonic_ms(), pause_ms = OD_CLUSTER_POLL_MS;
    OD_ASSERT(sight->count <= OD_CLUSTER_NODES_MAX);
    for (size_t i = 0; i < sight->count; i++) {
        od_time_ms left_ms = sight->seen[i].since_ms + OD_CLUSTER_DEAD_MS + 1 - now_ms;
        pause_ms = left_ms < pause_ms ? left_ms : pause_ms;
    }
    return pause_ms > OD_CLUSTER_POLL_MOVING_MS ? pause_ms : OD_CLUSTER_POLL_MOVING_MS;
}

size_t od_sight_nodes(const struct od_sight *sight, struct od_cluster_node *nodes)
{
    OD_ASSERT(sight->count <= OD_CLUSTER_NODES_MAX);
    for (size_t i = 0; i < sight->count; i++)
        nodes[i] = sight->seen[i].node;
    return sight->count;
}
