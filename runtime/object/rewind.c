#include "object/rewind.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/log.h"
#include "net/net.h"
#include "object/history.h"
#include "object/object_inner.h"
#include "object/objects.h"
#include "object/wish.h"
#include "store/past.h"
#include "store/store.h"

#define ROW_NAME OD_SLICE("\0rewind")

struct od_rewind {
    uv_work_t work;
    struct od_object *object; // NULL: it has gone.
    char directory[PATH_MAX];
    uint8_t id[OD_ID_BYTES];
    struct od_journal_mark mark;
    struct od_past past;
    bool is_read;
    struct od_error err; // Why not.
};

// --- Bookmarks -----------------------------------------------------------------------------------

static bool is_kept(const struct od_object *object, const struct od_journal_mark *mark,
                    struct od_error *err)
{
    if (!object->objects->keeps_history)
        return od_error_set(err, "nothing of the past is kept: start open-do with --history 7d");
    return od_past_is_kept(od_store_directory(object->objects->store), mark, err);
}

bool od_rewind_now(const struct od_object *object, char text[OD_BOOKMARK_BYTES],
                   struct od_error *err)
{
    struct od_journal_mark mark;
    OD_ASSERT(!od_object_is_entry(object));
    if (!object->objects->keeps_history)
        return is_kept(object, &mark, err);
    if (!od_store_now(object->objects->store, &mark, err))
        return false;
    od_bookmark_put(text, &mark, object->identity.id);
    return true;
}

bool od_rewind_at(const struct od_object *object, od_time_ms ms, char text[OD_BOOKMARK_BYTES],
                  struct od_error *err)
{
    struct od_journal_mark mark;
    OD_ASSERT(ms >= 0);
    if (ms > od_clock_wall_ms())
        return od_error_set(err, "that moment is still to come");
    if (!od_store_now(object->objects->store, &mark, err))
        return false;
    mark.moment = (struct od_journal_moment){.sequence = OD_BOOKMARK_ALL, .time_ms = ms};
    if (!is_kept(object, &mark, err))
        return false;
    od_bookmark_put(text, &mark, object->identity.id);
    return true;
}

// --- The wish ------------------------------------------------------------------------------------

static bool find_wish(struct od_object *object, struct od_alarm_row *row)
{
    return od_storage_alarm(&object->storage, ROW_NAME, row);
}

static bool set_wish(struct od_object *object, od_slice bookmark, bool unconfirmed,
                     struct od_error *err)
{
    const struct od_alarm_row row = {{.time_ms = OD_ALARM_NONE_MS, .due_ms = OD_ALARM_NONE_MS},
                                     bookmark};
    object->may_rewind = true;
    return od_storage_set_alarm(&object->storage, ROW_NAME, &row, unconfirmed, err);
}

static bool read_bookmark(const struct od_object *object, od_slice bookmark,
                          struct od_journal_mark *mark, struct od_error *err)
{
    return od_store_now(object->objects->store, mark, err) &&
           (od_bookmark_read(mark, object->identity.id, bookmark) ||
            od_error_set(err, "that is no bookmark of this object in this data directory"));
}

bool od_rewind_wish(struct od_object *object, od_slice bookmark, struct od_error *err)
{
    struct od_journal_mark mark;
    if (!read_bookmark(object, bookmark, &mark, err) || !is_kept(object, &mark, err))
        return false;
    return set_wish(object, bookmark, false, err);
}

bool od_rewind_delete_all(struct od_object *object, bool unconfirmed, struct od_error *err)
{
    char bookmark[OD_BOOKMARK_BYTES];
    struct od_alarm_row row;
    bool has_wish = object->may_rewind && find_wish(object, &row);
    if (has_wish) {
        OD_ASSERT(row.body.size <= sizeof bookmark); // od_rewind_wish has read it.
        memcpy(bookmark, row.body.at, row.body.size);
        row.body.at = bookmark;
    }
    return od_storage_delete_all(&object->storage, unconfirmed, err) &&
           (!has_wish || set_wish(object, row.body, unconfirmed, err));
}

void od_rewind_recall(struct od_object *object)
{
    struct od_alarm_row row;
    object->may_rewind = object->may_rewind || find_wish(object, &row);
}

// --- One under way -------------------------------------------------------------------------------

// In a thread of the pool.
static void read_past(uv_work_t *work)
{
    struct od_rewind *rewind = work->data;
    rewind->is_read =
        od_past_read(&rewind->past, rewind->directory, rewind->id, &rewind->mark, &rewind->err);
}

// It goes on with what it has: to refuse its events for good would help nobody.
static void give_up(struct od_object *object, const struct od_error *why)
{
    struct od_error err;
    od_log(OD_LOG_ERROR, object->label,
           "what it had stored at the bookmark cannot be restored, and stays as it is: %s",
           why->text);
    od_object_history_error(object, (od_slice){NULL, 0}, od_slice_of(why->text));
    if (!od_storage_delete_alarm(&object->storage, ROW_NAME, false, &err))
        od_log(OD_LOG_ERROR, object->label, "and is tried again: %s", err.text);
}

// What may pass does not take the wish: without the past there is no instance, and whoever asks for
// one hears why. The next event tries again.
static void refuse(struct od_object *object, const struct od_error *why)
{
    struct od_error err;
    od_error_set(&err, "what it had stored at a bookmark cannot be read: %s", why->text);
    od_log(OD_LOG_ERROR, object->label, "%s; its next event tries again", err.text);
    od_object_history_error(object, (od_slice){NULL, 0}, od_slice_of(err.text));
    object->must_wake = false;
    od_bytes_clear(&od_work_begin(object)->failure);
    od_failure_put(&object->work->failure, &(struct od_failure){.flags = OD_FAILURE_RETRYABLE,
                                                                .message = od_slice_of(err.text)});
    od_object_fail_first_event(object);
}

// What it wished for may have been lost meanwhile, with a commit that failed.
static void put(struct od_object *object, struct od_rewind *rewind)
{
    struct od_alarm_row row;
    OD_ASSERT(object->state == OD_ASLEEP);
    if (!find_wish(object, &row))
        return;
    if (!rewind->is_read && !rewind->past.is_lost) {
        refuse(object, &rewind->err);
        od_storage_seal(&object->storage); // What became of its alarm.
        return;
    }
    if (rewind->is_read && od_past_put(&rewind->past, &object->storage, ROW_NAME, &rewind->err))
        od_log(OD_LOG_INFO, object->label, "is restored to a bookmark");
    else
        give_up(object, &rewind->err);
    od_storage_seal(&object->storage);
    od_wish_recall(object);
}

static void on_read(uv_work_t *work, int status)
{
    struct od_rewind *rewind = work->data;
    struct od_object *object = rewind->object;
    OD_ASSERT(status == 0);
    if (object != NULL) {
        od_rewind_abandon(object);
        put(object, rewind);
        od_object_settle(object);
    }
    od_past_deinit(&rewind->past);
    free(rewind);
}

static void start(struct od_object *object, const struct od_journal_mark *mark)
{
    struct od_objects *objects = object->objects;
    struct od_rewind *rewind = od_allocate_zeroed(sizeof *rewind);
    OD_ASSERT(object->rewind == NULL);
    rewind->object = object;
    rewind->mark = *mark;
    rewind->work.data = rewind;
    memcpy(rewind->id, object->identity.id, OD_ID_BYTES);
    snprintf(rewind->directory, sizeof rewind->directory, "%s", od_store_directory(objects->store));
    object->rewind = rewind;
    objects->rewinds++;
    od_log(OD_LOG_INFO, object->label, "what it had stored at a bookmark is read");
    int status = uv_queue_work(&objects->net->loop->uv, &rewind->work, read_past, on_read);
    OD_ASSERT(status == 0);
}

bool od_rewind_begin(struct od_object *object)
{
    struct od_alarm_row row;
    struct od_journal_mark mark;
    struct od_error err;
    if (!object->may_rewind)
        return false;
    if (!find_wish(object, &row)) { // Until what took it away is on the disk it may come back.
        object->may_rewind = !od_storage_is_clean(&object->storage);
        return false;
    }
    if (read_bookmark(object, row.body, &mark, &err)) {
        start(object, &mark);
        return true;
    }
    give_up(object, &err);
    od_storage_seal(&object->storage);
    return false;
}

void od_rewind_abandon(struct od_object *object)
{
    if (object->rewind == NULL)
        return;
    OD_ASSERT(object->objects->rewinds > 0);
    object->objects->rewinds--;
    object->rewind->object = NULL;
    object->rewind = NULL;
}
