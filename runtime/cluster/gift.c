#include "cluster/gift.h"

#include "cluster/array.h"

static const struct od_statement give = {
    "give", "UPDATE od_slot AS s SET owner = coalesce(n.id, 0), inc = coalesce(n.inc, 0),"
            " epoch = s.epoch + 1 FROM unnest($1::int4[], $2::int4[]) AS w (slot, heir)"
            " LEFT JOIN od_node AS n ON n.id = w.heir AND n.state = 'up'"
            " WHERE s.slot = w.slot AND s.owner = ($3::int8)::int4 AND s.inc = $4::int8"};

enum od_answer od_gifts_send(struct od_postgres *postgres, const struct od_cluster_node *self,
                             const struct od_gift *gifts, size_t count)
{
    char room[2][8];
    OD_ASSERT(count > 0);
    struct od_array slots, heirs;
    od_array_init(&slots, OD_ARRAY_OF_INT4);
    od_array_init(&heirs, OD_ARRAY_OF_INT4);
    for (size_t i = 0; i < count; i++) {
        od_array_put_int4(&slots, gifts[i].slot);
        od_array_put_int4(&heirs, gifts[i].to);
    }
    const od_slice parameters[] = {od_array_finish(&slots), od_array_finish(&heirs),
                                   od_postgres_int8(self->id, room[0]),
                                   od_postgres_int8(self->incarnation, room[1])};
    enum od_answer answer = od_postgres_run(postgres, &give, parameters, 4);
    od_array_deinit(&slots);
    od_array_deinit(&heirs);
    return answer;
}
