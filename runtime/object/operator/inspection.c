#include "object/operator/inspection.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "object/history.h"
#include "object/names/route.h"
#include "object/operator/pipe_facts.h"
#include "object/operator/report.h"
#include "object/parts/schedule.h"
#include "store/coming.h"
#include "store/store.h"

static void put_identity(struct od_bytes *facts, struct od_objects *objects,
                         const struct od_identity *identity)
{
    const struct od_namespace *namespace = od_objects_namespace(objects, identity->space);
    char text[OD_ID_TEXT_BYTES + 1];
    od_id id;
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    od_id_format(&id, text);
    od_facts_text(facts, "namespace",
                  namespace == NULL ? identity->space : od_namespace_called(namespace));
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

// Of one that is asleep; [namespace] NULL: the script has none of that name.
static od_slice asleep(const struct od_objects *objects, const struct od_namespace *namespace)
{
    bool is_served = namespace != NULL && od_objects_serve(objects, namespace);
    return is_served ? OD_SLICE("asleep") : OD_SLICE("without a class");
}

static void put_life(struct od_bytes *facts, struct od_object *object)
{
    od_object_check(object);
    od_facts_text(facts, "state",
                  object->state == OD_ASLEEP ? asleep(object->objects, object->namespace)
                                             : od_slice_of(od_object_state_name(object->state)));
    if (object->state != OD_ASLEEP) {
        od_time_ms now = od_clock_monotonic_ms();
        od_facts_number(facts, "awakeMs", (uint64_t)(now - object->work->awake_since_ms));
        put_why(facts, object);
    }
    od_facts_number(facts, "sockets", object->socket_count);
    od_pipes_put(facts, object);
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
        count += od_schedule_is_name(od_cursor_string(&cursor));
        (void)od_cursor_string(&cursor);
    }
    od_bytes_deinit(&alarms);
    return count;
}

static void put_measure(struct od_bytes *facts, struct od_objects *objects,
                        const uint8_t id[OD_ID_BYTES], uint64_t rows_max)
{
    struct od_measure measure = {0};
    if (rows_max == 0)
        return;
    od_store_measure(objects->store, id, rows_max, &measure);
    od_facts_number(facts, "rows", measure.rows);
    od_facts_number(facts, "bytes", measure.bytes);
    if (measure.is_cut)
        od_facts_number(facts, "bytesAtLeast", 1);
}

static void put_object(struct od_bytes *facts, struct od_object *object, uint64_t rows_max)
{
    struct od_alarm_row row;
    od_slice name;
    (void)od_object_name(object, &name); // So that it knows it.
    put_identity(facts, object->objects, &object->identity);
    put_life(facts, object);
    od_object_history_put(facts, &object->history);
    od_facts_number(facts, "stored", od_storage_has_anything(&object->storage));
    put_measure(facts, object->objects, object->identity.id, rows_max);
    if (od_storage_alarm(&object->storage, OD_SLICE(""), &row))
        od_facts_number(facts, "alarmMs", (uint64_t)row.alarm.time_ms);
    od_facts_number(facts, "schedules", count_schedules(object));
    od_facts_number(facts, "database", od_storage_has_page(&object->storage, 1)); // Its head.
    od_facts_end(facts);
}

void od_inspection_put(struct od_bytes *facts, struct od_object *object)
{
    put_object(facts, object, OD_INSPECT_MEASURE_MAX);
}

// --- A page of the list --------------------------------------------------------------------------

enum phase { // A page begins in the one where the page before ended.
    LIVING,
    FAILED,
    STORED,
    OVER,
};

struct ranked {
    uint64_t weight;
    struct od_object *object;
};

struct page {
    struct od_objects *objects;
    struct od_bytes facts;
    od_slice space;
    od_slice beginning; // Of the name.
    enum od_inspect_scope scope;
    uint32_t limit;
    uint64_t measure_max; // Rows of each object that may be counted; 0: it is not asked for.
    uint32_t count;
    uint32_t looked_at;
    enum od_inspect_order order;
    struct ranked *ranked; // With an order: those that may be among the first [limit].
    size_t ranked_count;
    int64_t ends_us;
    enum phase phase;
    uint64_t bucket;            // LIVING: the next one.
    char place[OD_PLACE_BYTES]; // STORED: the last key of the directory, or one that is to come.
    size_t place_bytes;
    struct od_coming coming;
};

// It ends here, however many are found.
static bool is_full(struct page *page)
{
    page->looked_at++;
    return page->count >= page->limit || page->looked_at > OD_INSPECT_ROWS_MAX ||
           od_clock_passed_us() > page->ends_us;
}

static bool is_wanted(const struct page *page, const struct od_identity *identity)
{
    if (!od_places_are_own(page->objects, od_slot_of_id(identity->id))) // It goes, or has gone.
        return false;
    if (page->space.size > 0 && !od_slice_equal(identity->space, page->space))
        return false;
    return page->beginning.size == 0 ||
           (identity->has_name && od_slice_starts_with(identity->name, page->beginning));
}

static bool is_in_directory(const struct page *page, const uint8_t id[OD_ID_BYTES])
{
    struct od_identity stored;
    return od_store_identity_of(page->objects->store, id, &stored);
}

static void put_sleeper(struct page *page, const struct od_identity *identity, bool is_there)
{
    struct od_namespace *namespace = od_objects_namespace(page->objects, identity->space);
    od_id id;
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    const struct od_failed *failed = od_object_history_find_failed(page->objects, &id);
    put_identity(&page->facts, page->objects, identity);
    od_facts_text(&page->facts, "state", asleep(page->objects, namespace));
    od_object_history_put(&page->facts, failed == NULL ? NULL : &failed->history);
    od_facts_number(&page->facts, "stored", is_there);
    put_measure(&page->facts, page->objects, identity->id, page->measure_max);
    od_facts_end(&page->facts);
    page->count++;
}

static uint64_t weight_of(const struct od_object *object, enum od_inspect_order order)
{
    const struct od_object_history *history = &object->history;
    if (order == OD_INSPECT_SOCKETS)
        return object->socket_count;
    if (order == OD_INSPECT_QUEUE)
        return object->inbox_count;
    if (order == OD_INSPECT_ERRORS)
        return od_object_history_errors(object);
    if (order == OD_INSPECT_BUSY)
        return (uint64_t)history->run_us;
    return order == OD_INSPECT_SLOWEST ? history->slowest_us : (uint64_t)history->last_us;
}

static int compare_weights(const void *a, const void *b)
{
    uint64_t left = ((const struct ranked *)a)->weight, right = ((const struct ranked *)b)->weight;
    return left < right ? 1 : left > right ? -1 : 0;
}

static void keep_first(struct page *page)
{
    if (page->ranked_count == 0)
        return;
    qsort(page->ranked, page->ranked_count, sizeof *page->ranked, compare_weights);
    if (page->ranked_count > page->limit)
        page->ranked_count = page->limit;
}

// There is room for twice the limit, so it is sorted once for as many that come.
static void rank(struct page *page, struct od_object *object)
{
    size_t room = 2 * (size_t)page->limit;
    if (page->ranked == NULL)
        page->ranked = od_allocate(room * sizeof *page->ranked);
    page->ranked[page->ranked_count++] = (struct ranked){weight_of(object, page->order), object};
    if (page->ranked_count == room)
        keep_first(page);
}

// Others have their struct only because they were looked at, or because of writes on their way.
static bool lives(const struct page *page, struct od_object *object)
{
    if (object->state != OD_ASLEEP || page->scope == OD_INSPECT_AWAKE)
        return object->state != OD_ASLEEP;
    bool has_failed = od_object_history_errors(object) > 0;
    return object->socket_count > 0 || object->inbox_count > 0 || has_failed ||
           (page->scope == OD_INSPECT_ALL && od_storage_has_anything(&object->storage));
}

static bool is_stored(const struct page *page, const struct od_object *object)
{
    return od_coming_has(&page->coming, &object->storage) ||
           is_in_directory(page, object->identity.id);
}

// Those that are stored come later, unless only the living count.
static void visit_living(struct od_map_node *node, void *context)
{
    struct page *page = context;
    struct od_object *object = OD_MAP_MEMBER(node, struct od_object, by_id);
    page->looked_at++;
    if (!lives(page, object) || !is_wanted(page, &object->identity) ||
        (page->scope == OD_INSPECT_ALL && is_stored(page, object)))
        return;
    if (page->order != OD_INSPECT_ANY) {
        rank(page, object);
        return;
    }
    put_object(&page->facts, object, page->measure_max);
    page->count++;
}

static enum phase visit_buckets(struct page *page)
{
    do {
        if (is_full(page))
            return LIVING;
        page->bucket = od_map_visit(&page->objects->by_id, page->bucket, visit_living, page);
    } while (page->bucket != 0);
    return page->scope == OD_INSPECT_AWAKE ? OVER : FAILED;
}

static enum phase walk_living(struct page *page)
{
    enum phase next = visit_buckets(page);
    keep_first(page);
    for (size_t i = 0; i < page->ranked_count; i++)
        put_object(&page->facts, page->ranked[i].object, page->measure_max);
    free(page->ranked);
    return next;
}

// They are few.
static enum phase walk_failed(struct page *page)
{
    if (is_full(page))
        return FAILED;
    OD_LIST_EACH (link, &page->objects->failed) {
        const struct od_failed *failed = OD_LIST_MEMBER(link, struct od_failed, link);
        bool is_there = is_in_directory(page, failed->identity.id);
        if (is_wanted(page, &failed->identity) && !(page->scope == OD_INSPECT_ALL && is_there))
            put_sleeper(page, &failed->identity, is_there);
    }
    return page->scope == OD_INSPECT_LIVING ? OVER : STORED;
}

// The place before the first object of the next slot that is this worker's. A worker's slots are
// those of a number modulo the count of workers, so it is no walk over what others have.
static void go_to_own_slot(struct page *page, od_slot slot)
{
    uint32_t next = slot;
    while (next < OD_SLOT_COUNT && !od_places_are_own(page->objects, (od_slot)next))
        next++;
    page->place[0] = (char)(next >> 8);
    page->place[1] = (char)next;
    page->place_bytes = 2;
}

struct stored_walk {
    struct page *page;
    bool is_full;
    bool has_jumped;
};

static void pass(struct page *page, od_slice place)
{
    page->place_bytes = place.size < sizeof page->place ? place.size : sizeof page->place;
    memcpy(page->place, place.at, page->place_bytes);
}

// What the directory does not have yet, up to the place [before] (empty: to the end). False: the
// page is full.
static bool visit_coming(struct page *page, od_slice before)
{
    const struct od_coming_object *next;
    while ((next = od_coming_behind(&page->coming, (od_slice){page->place, page->place_bytes})) !=
           NULL) {
        od_slice place = {next->place, sizeof next->place};
        if (before.size > 0 && od_slice_compare(place, before) >= 0)
            return true;
        if (is_full(page))
            return false;
        pass(page, place);
        struct od_object *object = next->storage->owner;
        if (!is_wanted(page, &object->identity) || is_in_directory(page, object->identity.id))
            continue;
        put_object(&page->facts, object, page->measure_max);
        page->count++;
    }
    return true;
}

static bool visit_stored(void *context, od_slice place, const struct od_identity *identity)
{
    struct stored_walk *walk = context;
    struct page *page = walk->page;
    od_id id;
    memcpy(id.bytes, identity->id, OD_ID_BYTES);
    walk->is_full = !visit_coming(page, place) || is_full(page);
    walk->has_jumped = !od_places_are_own(page->objects, od_slot_of_id(id.bytes));
    if (walk->is_full)
        return false;
    if (walk->has_jumped) {
        go_to_own_slot(page, od_slot_of_id(id.bytes));
        return false;
    }
    pass(page, place);
    if (!is_wanted(page, identity))
        return true;
    struct od_object *object = od_objects_find(page->objects, &id);
    if (object == NULL) {
        put_sleeper(page, identity, true);
    } else if (lives(page, object)) { // Else it was deleted, and the directory does not know yet.
        put_object(&page->facts, object, page->measure_max);
        page->count++;
    }
    return true;
}

static enum phase walk_stored(struct page *page)
{
    struct stored_walk walk = {.page = page};
    do {
        char place[sizeof page->place];
        od_slice after = {place, page->place_bytes};
        memcpy(place, page->place, page->place_bytes);
        walk.is_full = walk.has_jumped = false;
        od_store_walk_directory(page->objects->store, after, visit_stored, &walk);
    } while (walk.has_jumped && !walk.is_full);
    return walk.is_full || !visit_coming(page, (od_slice){NULL, 0}) ? STORED : OVER;
}

static void walk(struct page *page)
{
    static enum phase (*const walks[])(struct page *) = {
        [LIVING] = walk_living, [FAILED] = walk_failed, [STORED] = walk_stored};
    enum phase before;
    od_coming_gather(&page->coming, page->objects->store);
    do {
        before = page->phase;
        page->phase = walks[before](page);
    } while (page->phase != before && page->phase != OVER);
    od_coming_deinit(&page->coming);
}

// --- The answer ----------------------------------------------------------------------------------

// u8 phase, then the number of a bucket or a key of the directory.
static void put_place(struct od_bytes *bytes, const struct page *page)
{
    struct od_bytes place = {0};
    if (page->phase != OVER) {
        od_bytes_put_u8(&place, (uint8_t)page->phase);
        if (page->phase == LIVING)
            od_bytes_put_u64(&place, page->bucket);
        else
            od_bytes_put(&place, page->place, page->place_bytes);
    }
    od_bytes_put_string(bytes, od_bytes_slice(&place));
    od_bytes_deinit(&place);
}

static bool read_place(struct page *page, od_slice place)
{
    struct od_cursor cursor = od_cursor_of(place);
    if (place.size == 0)
        return true;
    page->phase = od_cursor_u8(&cursor);
    if (page->phase == LIVING)
        page->bucket = od_cursor_u64(&cursor);
    od_slice key = od_cursor_rest(&cursor);
    if (cursor.failed || page->phase >= OVER || key.size > sizeof page->place ||
        (key.size > 0 && page->phase != STORED))
        return false;
    memcpy(page->place, key.at, key.size);
    page->place_bytes = key.size;
    return true;
}

static uint64_t sum_of_slots(const struct od_objects *objects)
{
    uint64_t sum = 0;
    for (uint64_t slot = 0; slot < OD_SLOT_COUNT; slot++)
        sum += od_places_are_own(objects, (od_slot)slot) ? (slot + 1) * (slot + 1) : 0;
    return sum;
}

static void answer(struct page *page, struct od_call *call)
{
    struct od_bytes bytes = {0};
    od_bytes_put_u32(&bytes, page->objects->worker_count);
    od_bytes_put_u64(&bytes, sum_of_slots(page->objects));
    put_place(&bytes, page);
    od_bytes_put_slice(&bytes, od_bytes_slice(&page->facts));
    od_call_answer(call, od_bytes_slice(&bytes));
    od_bytes_deinit(&bytes);
    od_bytes_deinit(&page->facts);
}

static bool read_page(struct page *page, od_slice asked)
{
    struct od_cursor cursor = od_cursor_of(asked);
    page->scope = od_cursor_u8(&cursor);
    page->space = od_cursor_string(&cursor);
    page->beginning = od_cursor_string(&cursor);
    page->measure_max = od_cursor_u8(&cursor) != 0 ? OD_INSPECT_MEASURE_MAX : 0;
    page->order = od_cursor_u8(&cursor);
    page->limit = od_cursor_u32(&cursor);
    return read_place(page, od_cursor_string(&cursor)) && !cursor.failed &&
           page->scope < OD_INSPECT_SCOPES && page->order < OD_INSPECT_ORDERS && page->limit > 0;
}

static bool is_filling(const struct od_objects *objects)
{
    bool is = false;
    for (uint32_t slot = 0; slot < OD_SLOT_COUNT; slot++)
        is = is || (od_places_are_own(objects, (od_slot)slot) && objects->places.is_filling[slot]);
    return is;
}

void od_inspection_take(struct od_call *call, od_slice asked)
{
    struct page page = {.objects = call->objects,
                        .ends_us = od_clock_passed_us() + OD_INSPECT_US_MAX};
    OD_ASSERT(call->kind == OD_CALL_LIST);
    if (is_filling(call->objects)) { // It would not be whole, and be taken for one that is.
        od_call_fail(call, 503,
                     OD_SLICE("what this node has taken is still being loaded: ask "
                              "again in a moment"));
        return;
    }
    if (!read_page(&page, asked)) {
        od_call_fail(call, 500, OD_SLICE("that is no place in the list"));
        return;
    }
    if (page.limit > OD_INSPECT_ROWS_MAX)
        page.limit = OD_INSPECT_ROWS_MAX;
    const struct od_namespace *namespace = od_objects_namespace_called(call->objects, page.space);
    if (namespace != NULL)
        page.space = namespace->name;
    walk(&page);
    answer(&page, call);
}
