#include "main/workers/wishes.h"

#include <string.h>

#include "base/log.h"
#include "main/workers/limits.h"
#include "object/names/route.h"
#include "store/reader.h"

struct recall {
    struct od_reader *reader;
    struct od_child *child;
    uint32_t worker_count;
    struct od_alarm_place *from;
    int left; // Entries to look at in this turn.
    bool has_begun;
    bool has_stopped;
};

static bool is_same_object(const struct od_alarm_place *a, const struct od_alarm_place *b)
{
    return memcmp(a->id, b->id, OD_ID_BYTES) == 0;
}

static void tell(const struct recall *recall, const struct od_alarm_place *at)
{
    struct od_identity identity;
    uint64_t number;
    if (!od_reader_find(recall->reader, at->id, &number, &identity))
        return;
    struct od_link *link = &recall->child->link;
    size_t mark = od_link_begin(link, OD_KIND_RECALL, -1);
    od_identity_put(&link->out, &identity);
    od_link_end(link, mark);
}

// An object with several is told of once in a portion, as they stand behind one another.
static bool look_at(void *context, const struct od_alarm_place *at)
{
    struct recall *recall = context;
    bool is_new = !recall->has_begun || !is_same_object(recall->from, at);
    *recall->from = *at;
    recall->has_stopped = recall->left == 0;
    if (recall->has_stopped)
        return false;
    recall->has_begun = true;
    recall->left--;
    od_id id;
    memcpy(id.bytes, at->id, OD_ID_BYTES);
    if (is_new && od_worker_of(&id, recall->worker_count) == recall->child->index)
        tell(recall, at);
    return true;
}

bool od_wishes_recall(struct od_reader *reader, struct od_child *child, uint32_t worker_count,
                      struct od_alarm_place *from)
{
    if (reader == NULL)
        return false;
    OD_ASSERT(from->due_ms == OD_ALARM_NONE_MS);
    struct od_alarm_place begin = *from;
    struct recall recall = {reader, child, worker_count, from, OD_RECOVER_A_TURN_MAX, false, false};
    od_reader_walk_alarms(reader, &begin, look_at, &recall);
    struct od_error err;
    if (od_reader_has_failed(reader, &err))
        od_log(OD_LOG_ERROR, NULL, "WebSockets to outside: %s", err.text);
    od_reader_reset(reader);
    return recall.has_stopped;
}

static bool count(void *context, const struct od_alarm_place *at)
{
    (void)at;
    ++*(uint64_t *)context;
    return true;
}

uint64_t od_wishes_count(struct od_reader *reader)
{
    uint64_t found = 0;
    struct od_alarm_place from = {.due_ms = OD_ALARM_NONE_MS};
    od_reader_walk_alarms(reader, &from, count, &found);
    return found;
}
