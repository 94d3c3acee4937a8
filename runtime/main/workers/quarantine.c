#include "main/workers/quarantine.h"

#include <stdio.h>
#include <string.h>

#include "main/workers/limits.h"

enum {
    foreign_count_min = 3,
};

static struct od_quarantined *oldest(struct od_quarantine *quarantine)
{
    OD_ASSERT(quarantine->size == OD_QUARANTINED_MAX);
    struct od_quarantined *found = &quarantine->all[0];
    for (uint32_t i = 1; i < quarantine->size; i++) {
        if (quarantine->all[i].last_ms < found->last_ms)
            found = &quarantine->all[i];
    }
    return found;
}

static struct od_quarantined *entry_of(struct od_quarantine *quarantine, const uint8_t *id)
{
    for (uint32_t i = 0; i < quarantine->size; i++) {
        if (memcmp(quarantine->all[i].id, id, OD_PAGE_ID_BYTES) == 0)
            return &quarantine->all[i];
    }
    struct od_quarantined *entry = quarantine->size < OD_QUARANTINED_MAX
                                       ? &quarantine->all[quarantine->size++]
                                       : oldest(quarantine);
    *entry = (struct od_quarantined){.count = 0};
    memcpy(entry->id, id, OD_PAGE_ID_BYTES);
    return entry;
}

static od_time_ms time_for(uint32_t count)
{
    OD_ASSERT(count > 0);
    od_time_ms ms = OD_REFUSE_MS_MIN;
    while (--count > 0 && ms < OD_REFUSE_MS_MAX)
        ms *= 2;
    return ms < OD_REFUSE_MS_MAX ? ms : OD_REFUSE_MS_MAX;
}

static bool is_object(const struct od_worker_page_event *event)
{
    static const uint8_t none[OD_PAGE_ID_BYTES];
    return memcmp(event->id, none, sizeof none) != 0;
}

static bool is_close(const struct od_worker_page_event *event)
{
    return strcmp(event->name, OD_PAGE_CLOSE_NAME) == 0 ||
           strcmp(event->name, OD_PAGE_EVENTS_CLOSE_NAME) == 0;
}

const struct od_quarantined *od_quarantine_add(struct od_quarantine *quarantine, uint32_t worker,
                                               const struct od_worker_page_event *event,
                                               bool is_foreign)
{
    if (!is_object(event))
        return NULL;
    od_time_ms now_ms = od_clock_monotonic_ms();
    struct od_quarantined *entry = entry_of(quarantine, event->id);
    if (now_ms - entry->last_ms >= OD_REFUSE_CALM_MS)
        entry->count = entry->closes = 0;
    entry->count++;
    entry->closes += is_close(event);
    OD_ASSERT(entry->closes <= entry->count);
    entry->worker = worker;
    entry->last_ms = now_ms;
    if (is_foreign && entry->count < foreign_count_min)
        return NULL;
    od_time_ms ms = time_for(entry->count);
    OD_ASSERT(ms >= OD_REFUSE_MS_MIN);
    OD_ASSERT(ms <= OD_REFUSE_MS_MAX);
    entry->refused_ms = ms;
    entry->until_ms = now_ms + ms;
    entry->awaits_worker = true;
    OD_ASSERT(quarantine->size <= OD_QUARANTINED_MAX);
    snprintf(entry->why, sizeof entry->why,
             "%s is refused for %d ms, because its worker ended while it ran %s", event->label,
             (int)ms, event->name);
    return entry;
}

bool od_quarantined_hears_no_close(const struct od_quarantined *quarantined)
{
    return quarantined->closes >= OD_CLOSE_LIVES_MAX;
}

void od_quarantine_each(struct od_quarantine *quarantine, uint32_t worker,
                        void (*visit)(void *owner, const struct od_quarantined *quarantined,
                                      od_time_ms left_ms),
                        void *owner)
{
    OD_ASSERT(quarantine->size <= OD_QUARANTINED_MAX);
    od_time_ms now_ms = od_clock_monotonic_ms();
    for (uint32_t i = 0; i < quarantine->size; i++) {
        struct od_quarantined *quarantined = &quarantine->all[i];
        if (quarantined->worker != worker)
            continue;
        if (quarantined->awaits_worker)
            quarantined->until_ms = now_ms + quarantined->refused_ms;
        quarantined->awaits_worker = false;
        if (quarantined->until_ms > now_ms)
            visit(owner, quarantined, quarantined->until_ms - now_ms);
    }
}

void od_quarantine_put(const struct od_quarantine *quarantine, struct od_bytes *bytes)
{
    OD_ASSERT(quarantine->size <= OD_QUARANTINED_MAX);
    for (uint32_t i = 0; i < quarantine->size; i++) {
        const struct od_quarantined *each = &quarantine->all[i];
        od_bytes_put(bytes, each->id, sizeof each->id);
        od_bytes_put_u32(bytes, each->worker);
        od_bytes_put_u32(bytes, each->count);
        od_bytes_put_u32(bytes, each->closes);
        od_bytes_put_u64(bytes, (uint64_t)each->last_ms);
        od_bytes_put_u64(bytes, (uint64_t)each->refused_ms);
        od_bytes_put_u64(bytes, (uint64_t)each->until_ms);
        od_bytes_put_string(bytes, od_slice_of(each->why));
    }
}

bool od_quarantine_take(struct od_quarantine *quarantine, struct od_cursor *cursor)
{
    while (!od_cursor_at_end(cursor) && quarantine->size < OD_QUARANTINED_MAX) {
        struct od_quarantined *each = &quarantine->all[quarantine->size];
        od_slice id = od_cursor_bytes(cursor, sizeof each->id);
        each->worker = od_cursor_u32(cursor);
        each->count = od_cursor_u32(cursor);
        each->closes = od_cursor_u32(cursor);
        each->last_ms = (od_time_ms)od_cursor_u64(cursor);
        each->refused_ms = (od_time_ms)od_cursor_u64(cursor);
        each->until_ms = (od_time_ms)od_cursor_u64(cursor);
        od_slice why = od_cursor_string(cursor);
        if (cursor->failed)
            return false;
        memcpy(each->id, id.at, sizeof each->id);
        snprintf(each->why, sizeof each->why, "%.*s", (int)why.size, why.at);
        quarantine->size++;
    }
    return !cursor->failed;
}
