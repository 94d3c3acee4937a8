// A rewind: what an object has stored becomes what it was at a moment, before its next instance is
// made.
//
// It is wished by the object's own code (storage:onNextSessionRestoreBookmark), and the wish is
// stored like a schedule, in a row of the object (store/alarm.h) that is never due. So it holds
// whatever ends the instance, and the program too. The next event then waits until the past has
// been read (store/past.h), on a thread of libuv's pool; it is put into the storage as one batch,
// which takes the row with it, and an instance is made. If anything ends meanwhile, the row is
// there still, and all begins anew. So does it when the past cannot be read (a disk that fails, a
// segment that somebody moved away): the event fails, and the next one tries again. The wish is
// given up, with an error in the log, only when nobody could read it (od_past.is_lost).
//
// Main tells a worker that begins which of its objects have such rows, with those that have wishes
// (wish.h). Row: the bookmark (store/bookmark.h). Its name: a zero byte, "rewind".

#ifndef OD_OBJECT_REWIND_H
#define OD_OBJECT_REWIND_H

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"
#include "store/bookmark.h"

struct od_object;
struct od_rewind; // One that is under way.

// The bookmark of now: with all that the object has on disk.
OD_MUST_CHECK bool od_rewind_now(const struct od_object *object, char text[OD_BOOKMARK_BYTES],
                                 struct od_error *err);

// That of a moment that is kept.
OD_MUST_CHECK bool od_rewind_at(const struct od_object *object, od_time_ms ms,
                                char text[OD_BOOKMARK_BYTES], struct od_error *err);

// Fails when it is no bookmark of the object, or its moment is not kept.
OD_MUST_CHECK bool od_rewind_wish(struct od_object *object, od_slice bookmark,
                                  struct od_error *err);

// storage:deleteAll: everything but the wish, which is for what comes after the deed.
OD_MUST_CHECK bool od_rewind_delete_all(struct od_object *object, bool unconfirmed,
                                        struct od_error *err);

// It may have a wish: main says so, or its storage was reset.
void od_rewind_recall(struct od_object *object);

// An instance is to be made. True: the past is read first; when it is there, or the first event has
// failed because it cannot be read, the object settles.
bool od_rewind_begin(struct od_object *object);

void od_rewind_abandon(struct od_object *object); // The object goes.

#endif
