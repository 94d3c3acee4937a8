#include "cluster/holdings.h"

#include <string.h>

#include "base/check.h"
#include "cluster/news.h"

void od_holdings_init(struct od_holdings *holdings, const struct od_cluster_node *self,
                      void (*tell)(void *member, struct od_news *news), void *member)
{
    OD_ASSERT(self->id != 0);
    memset(holdings, 0, sizeof *holdings);
    holdings->self = self;
    holdings->tell = tell;
    holdings->member = member;
}

static const struct od_statement read_slots = {
    "slots", "SELECT slot, epoch, owner, inc FROM od_slot ORDER BY slot"};

static void tell_slot(struct od_holdings *holdings, od_slot slot, od_node_id node, uint64_t epoch)
{
    struct od_placed_slot *told = &holdings->told[slot];
    if (told->node == node && told->epoch == epoch)
        return;
    *told = (struct od_placed_slot){.node = node, .epoch = epoch};
    struct od_news *news = od_news_new(OD_NEWS_SLOT);
    news->slot = slot;
    news->node = node;
    news->epoch = epoch;
    holdings->tell(holdings->member, news);
}

static void want(struct od_holdings *holdings, od_slot slot, od_node_id by)
{
    if (holdings->is_leaving[slot] || holdings->leaving_count >= OD_CLUSTER_MOVES_MAX)
        return;
    holdings->is_leaving[slot] = true;
    holdings->leaving_count++;
    struct od_news *news = od_news_new(OD_NEWS_WANTED);
    news->slot = slot;
    news->node = by;
    holdings->tell(holdings->member, news);
}

static void look_at_slot(struct od_holdings *holdings, const struct od_postgres *postgres,
                         const struct od_sight *sight, size_t row, od_node_id heir)
{
    od_slot slot = (od_slot)od_postgres_int(postgres, row, 0);
    uint64_t epoch = (uint64_t)od_postgres_int(postgres, row, 1);
    od_node_id owner = (od_node_id)od_postgres_int(postgres, row, 2);
    uint64_t incarnation = (uint64_t)od_postgres_int(postgres, row, 3);
    bool is_mine = owner == holdings->self->id && incarnation == holdings->self->incarnation;
    bool is_free = owner == 0 || od_sight_find(sight, owner, incarnation) == NULL;
    holdings->owned_count += is_mine;
    holdings->is_moving = holdings->is_moving || (heir != 0 && heir != owner);
    if (is_mine && holdings->held[slot]) {
        if (heir != holdings->self->id && heir != 0)
            want(holdings, slot, heir);
        return;
    }
    if (is_mine || (is_free && heir == holdings->self->id)) {
        od_array_put_int4(&holdings->free_slots, slot);
        od_array_put_int8(&holdings->free_epochs, epoch);
    }
    tell_slot(holdings, slot, is_free || is_mine ? 0 : owner, epoch);
}

static enum od_answer poll(struct od_holdings *holdings, struct od_postgres *postgres,
                           const struct od_sight *sight, const struct od_cluster_node *nodes,
                           size_t count)
{
    enum od_answer answer = od_postgres_run(postgres, &read_slots, NULL, 0);
    if (answer != OD_ANSWER_OK)
        return answer;
    holdings->is_moving = false;
    holdings->owned_count = 0;
    for (size_t row = 0; row < od_postgres_rows(postgres); row++) {
        int64_t slot = od_postgres_int(postgres, row, 0);
        if (slot >= 0 && slot < OD_SLOT_COUNT)
            look_at_slot(holdings, postgres, sight, row,
                         od_placement_rendezvous(nodes, count, (od_slot)slot));
    }
    return OD_ANSWER_OK;
}

// Only while it is not held for dead itself.
static const struct od_statement claim = {
    "claim", "UPDATE od_slot AS s SET owner = ($3::int8)::int4, inc = $4::int8,"
             " epoch = s.epoch + 1 FROM unnest($1::int4[], $2::int8[]) AS w (slot, epoch)"
             " WHERE s.slot = w.slot AND s.epoch = w.epoch AND EXISTS (SELECT 1 FROM od_node"
             " WHERE id = ($3::int8)::int4 AND inc = $4::int8 AND state IN ('up', 'leaving'))"
             " RETURNING s.slot, s.epoch, s.seq"};

static void tell_claimed(struct od_holdings *holdings, const struct od_postgres *postgres)
{
    size_t count = od_postgres_rows(postgres);
    struct od_engine_slot *list = od_allocate((count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct od_engine_slot){.slot = (od_slot)od_postgres_int(postgres, i, 0),
                                          .epoch = (uint64_t)od_postgres_int(postgres, i, 1),
                                          .seq = (uint64_t)od_postgres_int(postgres, i, 2)};
        holdings->held[list[i].slot] = true;
        holdings->told[list[i].slot] = (struct od_placed_slot){.place = OD_PLACE_HERE};
    }
    struct od_news *news = od_news_new(OD_NEWS_CLAIMED);
    news->list = list;
    news->count = count;
    holdings->tell(holdings->member, news);
}

static enum od_answer claim_free(struct od_holdings *holdings, struct od_postgres *postgres)
{
    char room[2][8];
    if (holdings->free_slots.count == 0)
        return OD_ANSWER_OK;
    const od_slice parameters[] = {od_array_finish(&holdings->free_slots),
                                   od_array_finish(&holdings->free_epochs),
                                   od_postgres_int8(holdings->self->id, room[0]),
                                   od_postgres_int8(holdings->self->incarnation, room[1])};
    enum od_answer answer = od_postgres_run(postgres, &claim, parameters, 4);
    if (answer == OD_ANSWER_OK)
        tell_claimed(holdings, postgres);
    return answer;
}

enum od_answer od_holdings_look(struct od_holdings *holdings, struct od_postgres *postgres,
                                const struct od_sight *sight, const struct od_cluster_node *nodes,
                                size_t count)
{
    od_array_init(&holdings->free_slots, OD_ARRAY_OF_INT4);
    od_array_init(&holdings->free_epochs, OD_ARRAY_OF_INT8);
    enum od_answer answer = poll(holdings, postgres, sight, nodes, count);
    if (answer == OD_ANSWER_OK)
        answer = claim_free(holdings, postgres);
    od_array_deinit(&holdings->free_slots);
    od_array_deinit(&holdings->free_epochs);
    return answer;
}

void od_holdings_let_go(struct od_holdings *holdings, od_slot slot)
{
    OD_ASSERT(slot < OD_SLOT_COUNT);
    holdings->leaving_count -= holdings->is_leaving[slot];
    holdings->held[slot] = holdings->is_leaving[slot] = false;
}
