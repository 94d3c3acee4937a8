// The past of one object: what it had stored at a moment, of what is kept of the journal.
//
// The latest base before the moment has its rows, and the groups behind it what it has written
// since. Nobody else's rows are looked at, and nothing is changed. But all of the base is read
// once, for its check sum; one that is damaged makes way for the one before.
//
// All of it stays in memory until it is put into the object's storage, as one batch, so there is a
// limit: OD_STORE_BATCH_BYTES_MAX.
//
// Owner: embedded, zeroed at first; od_past_deinit.

#ifndef OD_STORE_PAST_H
#define OD_STORE_PAST_H

#include "base/map.h"
#include "store/journal_visit.h"
#include "store/slot.h"

struct od_storage;

struct od_past {
    struct od_map rows; // Pairs, alarms and pages.
    size_t bytes;       // Of all of them.
    // After a read that failed: whoever tries again fails too. The moment is kept no more, what is
    // kept of it is damaged, or it is too much. Anything else may pass.
    bool is_lost;
};

// Whether that moment is kept: a base before it is there, and what came behind that. Reads little.
OD_MUST_CHECK bool od_past_is_kept(const char *data_dir, const struct od_journal_mark *mark,
                                   struct od_error *err);

// Thread: any, and it may take a while.
// Into an empty one, of which od_past_deinit makes one again.
OD_MUST_CHECK bool od_past_read(struct od_past *past, const char *data_dir,
                                const uint8_t id[OD_ID_BYTES], const struct od_journal_mark *mark,
                                struct od_error *err);
void od_past_deinit(struct od_past *past);

// In place of all that [storage] has; the stretch is open then. Rows of alarms whose name is
// [but_alarm] are left out. On false nothing is written.
OD_MUST_CHECK bool od_past_put(const struct od_past *past, struct od_storage *storage,
                               od_slice but_alarm, struct od_error *err);

#endif
