#include "object/inspection.h"

#include <string.h>

#include "base/cursor.h"
#include "link/link.h"
#include "object/call.h"
#include "object/report.h"
#include "object/route.h"
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

static uint64_t count_schedules(struct od_object *object)
{
    struct od_bytes alarms = {0};
    struct od_error err;
    uint64_t count = 0;
    if (!od_storage_list_alarms(&object->storage, &alarms, &err))
        return 0; // Damaged: what is asked next says so.
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&alarms));
    while (!od_cursor_at_end(&cursor)) {
        count += od_cursor_string(&cursor).size > 0;
        (void)od_cursor_string(&cursor);
    }
    od_bytes_deinit(&alarms);
    return count;
}

void od_inspection_put(struct od_bytes *facts, struct od_object *object)
{
    struct od_alarm_row row;
    od_slice name;
    (void)od_object_name(object, &name); // So that it knows it.
    put_identity(facts, &object->identity);
    put_life(facts, object);
    od_facts_number(facts, "stored", od_storage_has_anything(&object->storage));
    if (od_storage_alarm(&object->storage, OD_SLICE(""), &row))
        od_facts_number(facts, "alarmMs", (uint64_t)row.alarm.time_ms);
    od_facts_number(facts, "schedules", count_schedules(object));
    od_facts_number(facts, "database", od_storage_has_page(&object->storage, 1)); // Its head.
    od_facts_end(facts);
}

// --- A page of the list --------------------------------------------------------------------------

struct page {
    struct od_objects *objects;
    struct od_bytes facts;
    od_slice space;
    od_slice beginning; // Of the name.
    bool awake;
    uint32_t limit;
    uint32_t count;
    uint32_t looked_at;
    char place[64]; // Where the page ends, when it is full; else empty.
    size_t place_bytes;
};

static bool is_wanted(const struct page *page, const struct od_identity *identity)
{
    if (page->space.size > 0 && !od_slice_equal(identity->space, page->space))
        return false;
    return page->beginning.size == 0 ||
           (identity->has_name && od_slice_starts_with(identity->name, page->beginning));
}

static void put_sleeper(struct page *page, const struct od_identity *identity)
{
    struct od_namespace *namespace = od_objects_namespace(page->objects, identity->space);
    put_identity(&page->facts, identity);
    od_facts_text(&page->facts, "state",
                  namespace != NULL && od_objects_serve(page->objects, namespace)
                      ? OD_SLICE("asleep")
                      : OD_SLICE("without a class"));
    od_facts_end(&page->facts);
}

static bool visit(void *context, od_slice place, const struct od_identity *identity)
{
    struct page *page = context;
    od_id id;
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    if (++page->looked_at > OD_INSPECT_ROWS_MAX || page->count == page->limit)
        return false;
    page->place_bytes = place.size < sizeof page->place ? place.size : 0;
    memcpy(page->place, place.at, page->place_bytes);
    if (od_worker_of(&id, page->objects->worker_count) != page->objects->worker ||
        !is_wanted(page, identity))
        return true;
    struct od_object *object = od_objects_find(page->objects, &id);
    bool is_awake = object != NULL && object->state != OD_ASLEEP;
    if (page->awake && !is_awake)
        return true;
    if (object != NULL)
        od_inspection_put(&page->facts, object);
    else
        put_sleeper(page, identity);
    page->count++;
    return true;
}

static void put_unstored(struct page *page)
{
    struct od_map_node *node = NULL;
    uint32_t looked_at = 0;
    while ((node = od_map_next(&page->objects->by_id, node)) != NULL &&
           looked_at++ < OD_INSPECT_ROWS_MAX) {
        struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
        struct od_identity stored;
        bool is_awake = object->state != OD_ASLEEP;
        bool lives = is_awake || (!page->awake && object->socket_count > 0);
        if (lives && is_wanted(page, &object->identity) &&
            !od_store_identity_of(page->objects->store, object->identity.id, &stored))
            od_inspection_put(&page->facts, object);
    }
}

static void answer(struct page *page, uint64_t call)
{
    struct od_link *main = page->objects->main;
    bool has_more = page->count == page->limit || page->looked_at > OD_INSPECT_ROWS_MAX;
    size_t mark = od_link_begin(main, OD_KIND_REPLY, -1);
    od_bytes_put_u64(&main->out, call);
    od_bytes_put_u8(&main->out, OD_OUTCOME_RESULTS);
    od_bytes_put_string(&main->out, (od_slice){page->place, has_more ? page->place_bytes : 0});
    od_bytes_put_slice(&main->out, od_bytes_slice(&page->facts));
    od_link_end(main, mark);
    od_bytes_deinit(&page->facts);
}

void od_inspection_receive(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct page page = {.objects = objects};
    uint64_t call = od_cursor_u64(&cursor);
    page.space = od_cursor_string(&cursor);
    page.beginning = od_cursor_string(&cursor);
    page.awake = od_cursor_u8(&cursor) != 0;
    page.limit = od_cursor_u32(&cursor);
    od_slice after = od_cursor_string(&cursor);
    if (!cursor.failed && after.size == 0)
        put_unstored(&page);
    if (!cursor.failed)
        od_store_walk_directory(objects->store, after, visit, &page);
    answer(&page, call);
}
