#include "store/gathering.h"

#include "base/fault.h"
#include "store/limits.h"
#include "store/pending.h"

void od_gathering_init(struct od_gathering *gathering)
{
    *gathering = (struct od_gathering){.bytes = 0};
    od_list_init(&gathering->pending);
    od_newest_init(&gathering->newest);
}

void od_gathering_clear(struct od_gathering *gathering)
{
    od_newest_clear(&gathering->newest);
    od_pending_free_all(&gathering->pending);
    OD_ASSERT(od_list_is_empty(&gathering->pending));
    gathering->bytes = gathering->count = gathering->value_bytes = 0;
    gathering->is_urgent = false;
}

void od_gathering_deinit(struct od_gathering *gathering)
{
    od_gathering_clear(gathering);
    od_newest_deinit(&gathering->newest);
}

static void note(struct od_gathering *gathering, od_slice submission)
{
    struct od_cursor cursor = od_cursor_of(submission);
    struct od_batch batch;
    struct od_operation operation;
    while (od_batch_next(&cursor, &batch)) {
        while (od_operation_next(&batch, &operation)) {
            od_newest_note(&gathering->newest, batch.identity.id, &operation);
            if (operation.value.size > gathering->value_bytes)
                gathering->value_bytes = operation.value.size;
        }
    }
}

void od_gathering_add(struct od_gathering *gathering, struct od_pending *pending)
{
    OD_ASSERT(pending->fate == OD_FATE_WRITTEN || pending->fate == OD_FATE_FORGET);
    if (od_list_is_empty(&gathering->pending))
        gathering->due_us = od_clock_passed_us() + (OD_FAULT("apply.soon") ? 0 : OD_STORE_APPLY_US);
    od_list_push_back(&gathering->pending, &pending->link);
    if (pending->fate == OD_FATE_WRITTEN)
        note(gathering, od_pending_batches(pending));
    gathering->bytes += pending->size;
    gathering->count++;
    gathering->is_urgent = gathering->is_urgent || pending->fate == OD_FATE_FORGET ||
                           gathering->bytes > OD_STORE_GATHERING_BYTES;
}

void od_gathering_added(struct od_gathering *gathering, const struct od_journal_moment *moment,
                        bool sets_alarm)
{
    OD_ASSERT(moment->sequence > gathering->moment.sequence);
    gathering->moment = *moment;
    gathering->is_urgent = gathering->is_urgent || sets_alarm; // Main finds it in LMDB.
}

bool od_gathering_is_empty(const struct od_gathering *gathering)
{
    OD_ASSERT(od_list_is_empty(&gathering->pending) == (gathering->count == 0));
    OD_ASSERT(gathering->count > 0 || gathering->bytes == 0);
    OD_ASSERT(gathering->count > 0 || !gathering->is_urgent);
    return gathering->count == 0;
}

bool od_gathering_is_due(const struct od_gathering *gathering, size_t writes_max)
{
    return !od_gathering_is_empty(gathering) && !OD_FAULT("apply.hold") &&
           (gathering->is_urgent || gathering->newest.writes > writes_max ||
            od_clock_passed_us() >= gathering->due_us);
}
