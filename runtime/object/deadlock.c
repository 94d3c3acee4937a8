#include "object/deadlock.h"

#include "link/link.h"
#include "object/branch.h"
#include "object/section.h"

struct probe {
    uint32_t worker; // Where the call that it began with waits,
    uint64_t call;   // its number there,
    uint64_t number; // the probe's own there,
    uint64_t waits;  // and what the task that shuts its object waited for when it began.
    uint32_t victim_worker;
    uint64_t victim;
    uint32_t hops;
    struct od_bytes path; // "things/a waits for things/b, which waits for things/c"
};

static void put_probe(struct od_bytes *out, const struct probe *probe)
{
    od_bytes_put_u32(out, probe->worker);
    od_bytes_put_u64(out, probe->call);
    od_bytes_put_u64(out, probe->number);
    od_bytes_put_u64(out, probe->waits);
    od_bytes_put_u32(out, probe->victim_worker);
    od_bytes_put_u64(out, probe->victim);
    od_bytes_put_u32(out, probe->hops);
    od_bytes_put_slice(out, od_bytes_slice(&probe->path));
}

static struct probe read_probe(struct od_cursor *cursor)
{
    struct probe probe = {0};
    probe.worker = od_cursor_u32(cursor);
    probe.call = od_cursor_u64(cursor);
    probe.number = od_cursor_u64(cursor);
    probe.waits = od_cursor_u64(cursor);
    probe.victim_worker = od_cursor_u32(cursor);
    probe.victim = od_cursor_u64(cursor);
    probe.hops = od_cursor_u32(cursor);
    od_bytes_put_slice(&probe.path, od_cursor_rest(cursor));
    return probe;
}

// --- What waits for what -------------------------------------------------------------------------

static bool waits_for_new_code(const struct od_object *object)
{
    return object->script != NULL && object->script != object->objects->script;
}

static bool is_shut(const struct od_object *object)
{
    return od_section_holder(object) != NULL || waits_for_new_code(object);
}

static struct od_task *handler_of(const struct od_call *call)
{
    OD_ASSERT(call->object != NULL);
    OD_LIST_EACH (link, &call->object->work->tasks) {
        struct od_task *task = OD_LIST_MEMBER(link, struct od_task, link);
        if (task->event != NULL && task->event->call == call->id)
            return task;
    }
    return NULL;
}

// [handler]: of the call, or NULL while that is in the inbox.
static bool waits_for(const struct od_call *call, const struct od_task *handler,
                      const struct od_task *task)
{
    const struct od_task *holder = od_section_holder(call->object);
    if (holder != NULL && holder != handler)
        return od_branch_is_part(task, holder);
    return handler != NULL ? od_branch_is_part(task, handler) : waits_for_new_code(call->object);
}

static bool is_shut_out(const struct od_call *call)
{
    const struct od_task *handler = handler_of(call);
    OD_LIST_EACH (link, &call->object->work->tasks) {
        const struct od_task *task = OD_LIST_MEMBER(link, struct od_task, link);
        OD_ASSERT(task != NULL); // clang-tidy thinks it can be, as a handler can.
        if (task != handler && waits_for(call, handler, task))
            return true;
    }
    return false;
}

// Whether it is still as it was when the probe set out.
static bool is_valid(const struct od_call *call, uint64_t waits)
{
    const struct od_task *handler = handler_of(call);
    OD_LIST_EACH (link, &call->object->work->tasks) {
        const struct od_task *task = OD_LIST_MEMBER(link, struct od_task, link);
        if (task->waiting_call == waits && waits_for(call, handler, task))
            return true;
    }
    return false;
}

// --- The end of a cycle --------------------------------------------------------------------------

static const char section_words[] =
    ". While an object is in its constructor, or in a function given "
    "to blockConcurrencyWhile, it handles no calls.";
static const char reload_words[] =
    ". There is a new version of the script, and handlers on the old "
    "one have to end before it serves.";

static void condemn(struct od_objects *objects, uint64_t id, od_slice path)
{
    struct od_call *call = od_call_find(objects, id);
    // The probe has been on its way, and what it saw may be over: a call that is handled now, or
    // whose object is open again, needs no help. If there is still a cycle, what closes it sends
    // another probe.
    if (call == NULL || call->object == NULL || handler_of(call) != NULL || !is_shut_out(call))
        return;
    struct od_object *object = call->object;
    bool is_section = od_section_holder(object) != NULL;
    struct od_bytes why = {0};
    od_bytes_put_slice(&why, OD_SLICE("this call can never finish: "));
    od_bytes_put_slice(&why, path);
    od_bytes_put_slice(&why, od_slice_of(is_section ? section_words : reload_words));
    od_call_fail_with(call, 500,
                      &(struct od_failure){.flags = is_section ? 0 : OD_FAILURE_RETRYABLE,
                                           .message = od_bytes_slice(&why)});
    // The call is gone, and with it whoever could take its event out of the inbox.
    od_object_cancel(object, id);
    od_bytes_deinit(&why);
}

static void send_deadlocked(struct od_objects *objects, const struct probe *probe)
{
    OD_ASSERT(od_places_are_workers(objects, probe->victim_worker));
    struct od_link *peer = objects->peers[probe->victim_worker];
    if (peer == NULL)
        return;
    size_t mark = od_link_begin(peer, OD_KIND_DEADLOCKED, -1);
    od_bytes_put_u64(&peer->out, probe->victim);
    od_bytes_put_slice(&peer->out, od_bytes_slice(&probe->path));
    od_link_end(peer, mark);
}

static void came_back(const struct od_call *call, const struct probe *probe)
{
    struct od_objects *objects = call->objects;
    if (probe->victim_worker == objects->worker)
        condemn(objects, probe->victim, od_bytes_slice(&probe->path));
    else
        send_deadlocked(objects, probe);
}

// --- The way around ------------------------------------------------------------------------------

static bool go_on(struct od_call *call, struct probe *probe);

// The first time that this probe comes by.
static bool mark(struct od_call *call, const struct probe *probe)
{
    if (call->probed_by == probe->worker && call->probe == probe->number)
        return false;
    call->probed_by = probe->worker;
    call->probe = probe->number;
    return true;
}

static void note_place(struct probe *probe, const struct od_call *call)
{
    static const char *const words[] = {"", " waits for ", ", which waits for "};
    od_bytes_put_slice(&probe->path, od_slice_of(words[probe->hops < 2 ? probe->hops : 2]));
    od_bytes_put_slice(&probe->path, od_slice_of(call->object->label));
    probe->hops++;
}

static void note_victim(struct probe *probe, const struct od_call *call)
{
    uint32_t worker = call->objects->worker;
    bool is_higher = worker > probe->victim_worker ||
                     (worker == probe->victim_worker && call->id > probe->victim);
    // A call whose handler runs cannot be taken back. Among the others the numbers alone decide, so
    // that two probes that find the same cycle condemn the same call without asking each other.
    if (!is_higher || handler_of(call) != NULL)
        return;
    probe->victim_worker = worker;
    probe->victim = call->id;
}

// Here and below: whether the probe has come back to where it began.
static bool arrive(struct od_call *call, struct probe *probe)
{
    OD_ASSERT(call->object != NULL);
    OD_ASSERT(!call->is_remote);
    struct probe before = *probe;
    bool is_back = false;
    note_place(probe, call);
    if (probe->worker == call->objects->worker && probe->call == call->id) {
        is_back = is_valid(call, probe->waits);
        if (is_back)
            came_back(call, probe);
    } else if (probe->hops < OD_DEADLOCK_OBJECTS_MAX && mark(call, probe)) {
        note_victim(probe, call);
        is_back = go_on(call, probe);
    }
    struct od_bytes path = probe->path;
    path.size = before.path.size;
    *probe = before;
    probe->path = path;
    return is_back;
}

static void send_probe(const struct od_call *call, const struct probe *probe)
{
    OD_ASSERT(call->is_remote);
    OD_ASSERT(call->worker < od_places_count(call->objects));
    struct od_link *peer = call->objects->peers[call->worker];
    if (peer == NULL)
        return;
    size_t mark = od_link_begin(peer, OD_KIND_PROBE, -1);
    od_bytes_put_u64(&peer->out, call->id);
    put_probe(&peer->out, probe);
    od_link_end(peer, mark);
}

// A call that is still in the outbox will be looked at when it arrives.
static bool follow(const struct od_task *task, struct probe *probe)
{
    OD_ASSERT(probe->path.size > 0);
    struct od_objects *objects = task->object->objects;
    struct od_call *call =
        task->waiting_call == 0 ? NULL : od_call_find(objects, task->waiting_call);
    if (call == NULL)
        return false;
    if (probe->waits == 0)
        probe->waits = call->id;
    if (call->is_remote && mark(call, probe))
        send_probe(call, probe);
    return call->object != NULL && arrive(call, probe);
}

// Ends with the cycle that it finds: one call has gone, and what waits there has changed.
static bool go_on(struct od_call *call, struct probe *probe)
{
    uint64_t waits = probe->waits;
    const struct od_task *handler = handler_of(call);
    OD_LIST_EACH (link, &call->object->work->tasks) {
        const struct od_task *task = OD_LIST_MEMBER(link, struct od_task, link);
        if (!waits_for(call, handler, task))
            continue;
        if (follow(task, probe))
            return true;
        probe->waits = waits;
    }
    return false;
}

static bool look(struct od_call *call)
{
    struct od_objects *objects = call->objects;
    struct probe probe = {.worker = objects->worker, .call = call->id};
    probe.number = ++objects->next_number;
    probe.victim_worker = probe.worker;
    probe.victim = probe.call;
    note_place(&probe, call);
    bool is_back = go_on(call, &probe);
    od_bytes_deinit(&probe.path);
    return is_back;
}

// A cycle that is found is broken, unless what was to be condemned has ended by itself. Each look
// finds one, so their number is bounded by what waits here; that a mistake of ours does not go on
// for ever is worth a bound as well.
static void look_for_all(struct od_objects *objects, uint64_t id)
{
    for (unsigned i = 0; i < OD_DEADLOCK_CYCLES_MAX; i++) {
        struct od_call *call = od_call_find(objects, id);
        if (call == NULL || call->object == NULL || !is_shut(call->object) || !look(call))
            return;
    }
}

void od_deadlock_look(struct od_call *call)
{
    look_for_all(call->objects, call->id);
}

void od_deadlock_receive_probe(struct od_objects *objects, uint32_t worker, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    struct od_call *call = od_call_find_from(objects, worker, od_cursor_u64(&cursor));
    struct probe probe = read_probe(&cursor);
    bool is_sound = !cursor.failed && od_places_are_workers(objects, probe.victim_worker);
    if (is_sound && call != NULL && call->object != NULL && arrive(call, &probe))
        look_for_all(objects, probe.call);
    od_bytes_deinit(&probe.path);
}

void od_deadlock_receive_deadlocked(struct od_objects *objects, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t id = od_cursor_u64(&cursor);
    condemn(objects, id, od_cursor_rest(&cursor));
}
