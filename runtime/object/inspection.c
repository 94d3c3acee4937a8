#include "object/inspection.h"

#include <string.h>

#include "base/cursor.h"
#include "link/link.h"
#include "object/call.h"
#include "object/report.h"
#include "store/store.h"

static void put_identity(struct od_bytes *facts, const struct od_identity *identity)
{
    char text[OD_ID_TEXT_BYTES + 1];
    od_id id;
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    od_id_format(&id, text);
    od_facts_text(facts, "namespace", identity->space);
    if (identity->has_name)
        od_facts_text(facts, "name", identity->name);
    od_facts_text(facts, "id", od_slice_of(text));
}

static void put_why(struct od_bytes *facts, const struct od_object *object)
{
    struct od_bytes why = {0};
    od_report_put_why(&why, object);
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&why));
    uint32_t count = od_cursor_u32(&cursor);
    for (uint32_t i = 0; i < count; i++)
        od_facts_item(facts, "why", od_cursor_string(&cursor));
    od_bytes_deinit(&why);
}

static void put_life(struct od_bytes *facts, struct od_object *object)
{
    od_facts_text(facts, "state", od_slice_of(od_object_state_name(object->state)));
    if (object->state != OD_ASLEEP) {
        od_time_ms now = od_clock_monotonic_ms();
        od_facts_number(facts, "awakeMs", (uint64_t)(now - object->awake_since_ms));
        put_why(facts, object);
    }
    od_facts_number(facts, "sockets", object->socket_count);
    od_facts_number(facts, "queued", object->inbox_count);
}

void od_inspection_put(struct od_bytes *facts, struct od_object *object)
{
    struct od_alarm alarm;
    od_slice name;
    (void)od_object_name(object, &name); // So that it knows it.
    put_identity(facts, &object->identity);
    put_life(facts, object);
    if (od_storage_alarm(&object->storage, &alarm))
        od_facts_number(facts, "alarmMs", (uint64_t)alarm.time_ms);
    od_facts_end(facts);
}

void od_inspection_receive(struct od_objects *objects, od_slice body)
{
    (void)objects, (void)body;
}
