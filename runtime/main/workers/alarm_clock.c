#include "main/workers/alarm_clock.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "main/processes/dry_run.h"
#include "main/workers/limits.h"
#include "main/workers/wishes.h"
#include "object/names/route.h"
#include "store/reader.h"

struct ringing {
    struct od_map_node by_id;
    struct od_list
        link; // Among the place's fresh or slow ones; in none while it waits for [again].
    struct od_alarm_clock *clock;
    struct od_alarm_clock_place *place;
    struct od_alarm_place at;     // Whose, and which of its alarms.
    struct od_alarm_place missed; // One of the same object that was due meanwhile; at
                                  // OD_ALARM_NONE_MS: none was seen.
    od_time_ms rung_ms;           // Monotonic.
    od_time_ms pause_ms;          // The next one before it is rung again.
    bool is_fresh;
    struct od_timer again;
};

static const struct od_alarm_place never = {.due_ms = OD_ALARM_NONE_MS};

// --- What rings ----------------------------------------------------------------------------------

static uint64_t hash_of(const uint8_t *id)
{
    uint64_t hash;
    memcpy(&hash, id, sizeof hash);
    return od_map_hash_u64(hash);
}

static bool has_id(const struct od_map_node *node, const void *key)
{
    return memcmp(OD_MAP_MEMBER(node, struct ringing, by_id)->at.id, key, OD_ID_BYTES) == 0;
}

static struct ringing *find(const struct od_alarm_clock *clock, const uint8_t *id)
{
    struct od_map_node *node = od_map_find(&clock->ringing, hash_of(id), has_id, id);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct ringing, by_id);
}

static void check(const struct od_alarm_clock *clock, const struct od_alarm_clock_place *place)
{
    OD_ASSERT(place >= clock->places);
    OD_ASSERT(place < clock->places + clock->place_count);
    OD_ASSERT(place->fresh_count <= place->count);
    OD_ASSERT(place->count <= clock->ringing.size);
    OD_ASSERT((place->fresh_count == 0) == od_list_is_empty(&place->fresh));
}

static void look_again_from(struct od_alarm_clock_place *place, const struct od_alarm_place *from)
{
    if (od_alarm_place_compare(from, &place->position) < 0)
        place->position = *from;
}

static void unlist(struct ringing *ringing)
{
    OD_ASSERT(!ringing->is_fresh || ringing->place->fresh_count > 0);
    od_list_remove(&ringing->link);
    ringing->place->fresh_count -= ringing->is_fresh;
    ringing->is_fresh = false;
}

static void forget(struct ringing *ringing)
{
    struct od_alarm_clock *clock = ringing->clock;
    check(clock, ringing->place);
    OD_ASSERT(ringing->place->count > 0);
    unlist(ringing);
    ringing->place->count--;
    look_again_from(ringing->place, &ringing->missed);
    od_timers_clear(&clock->loop->timers, &ringing->again);
    od_map_remove(&clock->ringing, &ringing->by_id);
    free(ringing);
}

static void make_slow(struct od_alarm_clock_place *place, od_time_ms now_ms)
{
    OD_LIST_EACH_SAFE (link, &place->fresh) {
        struct ringing *ringing = OD_LIST_MEMBER(link, struct ringing, link);
        if (now_ms - ringing->rung_ms < OD_ALARMS_FRESH_MS)
            return;
        unlist(ringing);
        od_list_push_back(&place->slow, link);
    }
}

static struct od_child *child_of(const struct od_alarm_clock *clock,
                                 const struct od_alarm_clock_place *place)
{
    return od_supervisor_ready(clock->supervisor, (uint32_t)(place - clock->places));
}

static bool is_full(const struct od_alarm_clock_place *place)
{
    OD_ASSERT(place->count <= OD_ALARMS_RINGING_MAX);
    return place->fresh_count >= OD_ALARMS_FRESH_MAX || place->count >= OD_ALARMS_RINGING_MAX;
}

static bool takes_more(const struct od_alarm_clock *clock, const struct od_alarm_clock_place *place)
{
    return !is_full(place) && child_of(clock, place) != NULL;
}

// --- Ringing -------------------------------------------------------------------------------------

static bool is_served(const struct od_alarm_clock *clock, od_slice space)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&clock->served));
    while (!od_cursor_at_end(&cursor)) {
        if (od_slice_equal(od_cursor_string(&cursor), space))
            return true;
    }
    return false;
}

static void say(struct od_child *child, const struct od_identity *identity, od_slice name,
                bool fails)
{
    size_t mark = od_link_begin(&child->link, OD_KIND_ALARM, -1);
    od_bytes_put_u64(&child->link.out, (uint64_t)od_clock_wall_ms());
    od_bytes_put_u8(&child->link.out, fails);
    od_identity_put(&child->link.out, identity);
    od_bytes_put_string(&child->link.out, name);
    od_link_end(&child->link, mark);
}

// False: nobody knows the object any more, or its worker takes nothing at the moment.
static bool tell(struct ringing *ringing, bool fails)
{
    struct od_alarm_clock *clock = ringing->clock;
    struct od_child *child = child_of(clock, ringing->place);
    struct od_identity identity;
    uint64_t number;
    if (child == NULL || !od_reader_find(clock->reader, ringing->at.id, &number, &identity))
        return false;
    od_timers_clear(&clock->loop->timers, &ringing->again);
    ringing->rung_ms = od_clock_monotonic_ms();
    OD_ASSERT(!ringing->is_fresh);
    OD_ASSERT(od_list_is_empty(&ringing->link));
    ringing->is_fresh = true;
    ringing->place->fresh_count++;
    od_list_push_back(&ringing->place->fresh, &ringing->link);
    say(child, &identity, od_alarm_place_name(&ringing->at), fails);
    return true;
}

static void on_again(struct od_timer *timer)
{
    struct ringing *ringing = OD_TIMER_MEMBER(timer, struct ringing, again);
    struct od_alarm_clock *clock = ringing->clock;
    if (!tell(ringing, false)) {
        ringing->missed = (struct od_alarm_place){0};
        forget(ringing);
    }
    od_reader_reset(clock->reader);
}

static struct ringing *new_ringing(struct od_alarm_clock *clock, struct od_alarm_clock_place *place,
                                   const struct od_alarm_place *at)
{
    OD_ASSERT(find(clock, at->id) == NULL);
    struct ringing *ringing = od_allocate_zeroed(sizeof *ringing);
    ringing->clock = clock;
    ringing->place = place;
    ringing->at = *at;
    ringing->missed = never;
    ringing->pause_ms = OD_ALARM_AGAIN_MS_MIN;
    ringing->again.fire = on_again;
    od_list_init(&ringing->link);
    od_map_put(&clock->ringing, &ringing->by_id, hash_of(at->id));
    place->count++;
    return ringing;
}

// One that was set anew for later is another.
static bool has_cost_a_worker(struct od_alarm_clock_place *place, const struct od_alarm_place *at)
{
    struct od_alarm_place *culprit = &place->culprit;
    if (culprit->due_ms == 0 || memcmp(culprit->id, at->id, sizeof culprit->id) != 0 ||
        !od_slice_equal(od_alarm_place_name(culprit), od_alarm_place_name(at)))
        return false;
    bool is_it = at->due_ms <= culprit->due_ms;
    culprit->due_ms = 0;
    return is_it;
}

// One that rings already is looked at again when it is over; one that waits to be rung again need
// not wait any more, as something of it was stored.
static void ring(struct od_alarm_clock *clock, struct od_alarm_clock_place *place,
                 const struct od_alarm_place *at)
{
    struct od_identity identity;
    uint64_t number;
    struct ringing *ringing = find(clock, at->id);
    if (!od_placement_is_here(clock->placement, od_slot_of_id(at->id)))
        return; // When it has come, the committer says so.
    bool waits = ringing != NULL && od_timer_is_set(&ringing->again) &&
                 od_slice_equal(od_alarm_place_name(&ringing->at), od_alarm_place_name(at));
    if (ringing != NULL && !waits) {
        if (od_alarm_place_compare(at, &ringing->missed) < 0)
            ringing->missed = *at;
        return;
    }
    if (!od_reader_find(clock->reader, at->id, &number, &identity) ||
        !is_served(clock, identity.space))
        return;
    if (ringing == NULL)
        ringing = new_ringing(clock, place, at);
    ringing->at = *at;
    if (!tell(ringing, has_cost_a_worker(place, at)))
        forget(ringing);
}

struct look {
    struct od_alarm_clock *clock;
    struct od_alarm_clock_place *place;
    od_time_ms now_ms;
    int left; // Entries to look at in this turn.
    bool has_stopped;
};

static bool look_at(void *context, const struct od_alarm_place *at)
{
    struct look *look = context;
    struct od_alarm_clock_place *place = look->place;
    place->position = *at;
    look->has_stopped =
        at->due_ms > look->now_ms || look->left == 0 || !takes_more(look->clock, place);
    if (look->has_stopped)
        return false;
    look->left--;
    od_id id;
    memcpy(id.bytes, at->id, OD_ID_BYTES);
    if (od_worker_of(&id, look->clock->place_count) == (uint32_t)(place - look->clock->places))
        ring(look->clock, place, at);
    return true;
}

static bool is_due(const struct od_alarm_clock *clock, struct od_alarm_clock_place *place)
{
    return place->position.due_ms <= od_clock_wall_ms() && takes_more(clock, place);
}

// To the next object there can be behind one at which the data file is damaged: those that follow
// are rung in the next turn.
static bool pass_over(struct od_alarm_place *place)
{
    place->name_size = 0;
    int at = OD_ID_BYTES - 1;
    while (at >= 0 && ++place->id[at] == 0)
        at--;
    return at >= 0;
}

static void look(struct od_alarm_clock *clock, struct od_alarm_clock_place *place)
{
    check(clock, place);
    OD_ASSERT(clock->reader != NULL);
    struct look look = {clock, place, od_clock_wall_ms(), OD_ALARMS_A_TURN_MAX, false};
    od_reader_walk_alarms(clock->reader, &place->position, look_at, &look);
    struct od_error err;
    if (od_reader_has_failed(clock->reader, &err)) {
        od_log(OD_LOG_ERROR, NULL, "alarms: %s", err.text);
        if (look.left < OD_ALARMS_A_TURN_MAX && pass_over(&place->position))
            return;
    }
    if (!look.has_stopped)
        place->position = never;
}

// --- Time ----------------------------------------------------------------------------------------

static void on_look(struct od_timer *timer)
{
    (void)timer; // It only ends the wait.
}

static void wait_for_next(struct od_alarm_clock *clock)
{
    od_time_ms now_ms = od_clock_wall_ms(), next_ms = OD_ALARM_NONE_MS;
    bool has_to_look = false;
    for (uint32_t i = 0; i < clock->place_count; i++) {
        const struct od_alarm_clock_place *place = &clock->places[i];
        od_time_ms due_ms = place->position.due_ms;
        has_to_look = has_to_look || (due_ms <= now_ms && is_full(place));
        if (due_ms > now_ms && due_ms < next_ms)
            next_ms = due_ms;
    }
    od_wall_timer_set(&clock->timer, next_ms);
    if (has_to_look && !od_timer_is_set(&clock->look_timer))
        od_loop_set_timer(clock->loop, &clock->look_timer, OD_ALARMS_FRESH_MS / 10);
}

bool od_alarm_clock_step(struct od_alarm_clock *clock)
{
    bool has_more = false;
    if (clock->reader == NULL || !clock->is_started)
        return false;
    for (uint32_t i = 0; i < clock->place_count; i++) {
        struct od_alarm_clock_place *place = &clock->places[i];
        make_slow(place, od_clock_monotonic_ms());
        if (is_due(clock, place))
            look(clock, place);
        has_more = has_more || is_due(clock, place);
    }
    od_reader_reset(clock->reader);
    wait_for_next(clock);
    return has_more;
}

// --- News ----------------------------------------------------------------------------------------

static void look_again_everywhere(struct od_alarm_clock *clock, od_time_ms due_ms)
{
    struct od_alarm_place from = {.due_ms = due_ms};
    for (uint32_t i = 0; i < clock->place_count; i++)
        look_again_from(&clock->places[i], &from);
}

void od_alarm_clock_set(struct od_alarm_clock *clock, od_time_ms due_ms)
{
    look_again_everywhere(clock, due_ms);
}

void od_alarm_clock_serve(struct od_alarm_clock *clock, const struct od_verdict *verdict)
{
    struct od_cursor namespaces = verdict->namespaces;
    od_bytes_clear(&clock->served);
    for (uint32_t i = 0; i < verdict->namespace_count; i++) {
        od_bytes_put_string(&clock->served, od_cursor_string(&namespaces));
        (void)od_cursor_string(&namespaces);
    }
    look_again_everywhere(clock, 0);
}

void od_alarm_clock_over(struct od_alarm_clock *clock, const uint8_t *id, bool again)
{
    struct ringing *ringing = find(clock, id);
    if (ringing == NULL || od_timer_is_set(&ringing->again))
        return;
    check(clock, ringing->place);
    if (!again) {
        forget(ringing);
        return;
    }
    unlist(ringing);
    od_loop_set_timer(clock->loop, &ringing->again, ringing->pause_ms);
    ringing->pause_ms *= 2;
    if (ringing->pause_ms > OD_ALARM_AGAIN_MS_MAX)
        ringing->pause_ms = OD_ALARM_AGAIN_MS_MAX;
}

void od_alarm_clock_blame(struct od_alarm_clock *clock, uint32_t worker, const uint8_t *id)
{
    OD_ASSERT(worker < clock->place_count);
    struct od_alarm_place *culprit = &clock->places[worker].culprit;
    const struct ringing *ringing = find(clock, id);
    if (ringing == NULL)
        return;
    *culprit = ringing->at;
    culprit->due_ms = od_clock_wall_ms();
}

void od_alarm_clock_worker_gone(struct od_alarm_clock *clock, uint32_t worker)
{
    OD_ASSERT(worker < clock->place_count);
    struct od_alarm_clock_place *place = &clock->places[worker];
    struct od_map_node *node = NULL, *next;
    for (node = od_map_next(&clock->ringing, NULL); node != NULL; node = next) {
        next = od_map_next(&clock->ringing, node);
        struct ringing *ringing = OD_MAP_MEMBER(node, struct ringing, by_id);
        if (ringing->place == place)
            forget(ringing);
    }
    look_again_from(place, &(struct od_alarm_place){0});
}

// --- Beginning and end ---------------------------------------------------------------------------

void od_alarm_clock_init(struct od_alarm_clock *clock, struct od_loop *loop,
                         struct od_supervisor *supervisor, const struct od_placement *placement,
                         uint32_t worker_count)
{
    *clock = (struct od_alarm_clock){.loop = loop,
                                     .supervisor = supervisor,
                                     .placement = placement,
                                     .place_count = worker_count,
                                     .look_timer = {.fire = on_look}};
    od_wall_timer_init(&clock->timer);
    clock->places = od_allocate_zeroed(worker_count * sizeof *clock->places);
    for (uint32_t i = 0; i < worker_count; i++) {
        od_list_init(&clock->places[i].fresh);
        od_list_init(&clock->places[i].slow);
    }
    od_map_init(&clock->ringing);
}

bool od_alarm_clock_open(struct od_alarm_clock *clock, const char *data_dir, struct od_error *err)
{
    return od_wall_timer_open(&clock->timer, clock->loop, err) &&
           od_reader_open(&clock->reader, data_dir, err);
}

void od_alarm_clock_start(struct od_alarm_clock *clock)
{
    clock->is_started = true;
}

void od_alarm_clock_stop(struct od_alarm_clock *clock)
{
    if (clock->reader != NULL)
        od_reader_close(clock->reader);
    clock->reader = NULL;
    struct od_map_node *node;
    while ((node = od_map_next(&clock->ringing, NULL)) != NULL)
        forget(OD_MAP_MEMBER(node, struct ringing, by_id));
    od_timers_clear(&clock->loop->timers, &clock->look_timer);
}

void od_alarm_clock_deinit(struct od_alarm_clock *clock)
{
    od_alarm_clock_stop(clock);
    od_wall_timer_close(&clock->timer);
    od_map_deinit(&clock->ringing);
    od_bytes_deinit(&clock->served);
    free(clock->places);
}

// --- Questions -----------------------------------------------------------------------------------

static bool take_first(void *context, const struct od_alarm_place *place)
{
    *(od_time_ms *)context = place->due_ms;
    return false;
}

uint64_t od_alarm_clock_count(struct od_alarm_clock *clock, od_time_ms *next_ms)
{
    *next_ms = OD_ALARM_NONE_MS;
    if (clock->reader == NULL)
        return 0;
    uint64_t count = od_reader_count_alarms(clock->reader) - od_wishes_count(clock->reader);
    od_reader_walk_alarms(clock->reader, &(struct od_alarm_place){0}, take_first, next_ms);
    od_reader_reset(clock->reader);
    return count;
}
