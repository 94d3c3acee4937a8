#include "object/pressure.h"

#include "base/log.h"
#include "link/worker_page.h"

static bool is_short_of_memory(const struct od_objects *objects)
{
    struct od_script_memory memory = objects->script->memory(objects->script);
    return memory.used_bytes > memory.bytes_max / 4 * 3;
}

// At most [count_max] of those that are idle and have an instance; returns how many they were. What
// settles anew gets a place behind the others.
static uint32_t evict_longest_idle(struct od_objects *objects, uint32_t count_max)
{
    struct od_list idle;
    uint32_t count = 0;
    od_list_init(&idle);
    od_list_move_all(&idle, &objects->idle);
    OD_LIST_EACH_SAFE (link, &idle) {
        struct od_object *object = OD_LIST_MEMBER(link, struct od_work, idle)->object;
        if (object->state != OD_AWAKE || count == count_max)
            continue;
        od_objects_put_to_rest(object);
        count++;
    }
    od_list_move_all(&idle, &objects->idle);
    od_list_move_all(&objects->idle, &idle);
    return count;
}

uint32_t od_pressure_evict_idle(struct od_objects *objects)
{
    return evict_longest_idle(objects, UINT32_MAX);
}

// Garbage counts as used, so the collector has the first and the last word. That costs time: until
// it did, it is asked again only when a sixteenth of the limit more is in use.
void od_pressure_relieve(struct od_objects *objects)
{
    struct od_script *script = objects->script;
    if (script == NULL)
        return;
    struct od_script_memory memory = script->memory(script);
    if (!is_short_of_memory(objects)) {
        objects->relieved_bytes = 0;
        return;
    }
    if (memory.used_bytes < objects->relieved_bytes + memory.bytes_max / 16)
        return;
    script->collect(script);
    uint32_t half = objects->awake_count / 2 + 1, evicted = 0;
    for (int round = 0; round < 2 && is_short_of_memory(objects); round++) {
        evicted += evict_longest_idle(objects, round == 0 ? half : UINT32_MAX);
        script->collect(script);
    }
    objects->relieved_bytes = script->memory(script).used_bytes;
    od_meters_count(&objects->page->meters, OD_METER_memoryRelief, evicted > 0);
    if (evicted > 0)
        od_log(OD_LOG_WARN, NULL,
               "the scripts of worker %u take %zu of %zu MiB: %u idle objects were put to sleep",
               objects->worker, memory.used_bytes >> 20, memory.bytes_max >> 20, evicted);
}
