// The page that a browser sees when a handler fails under `open-do dev`: the report that is in the
// log, with its source. Elsewhere clients are told nothing of the inside.

#ifndef OD_OBJECT_ERROR_PAGE_H
#define OD_OBJECT_ERROR_PAGE_H

#include "object/task.h"

// The handler of [task] has failed with [report]: it is kept with the call of a browser that waits,
// if there is one, until that is answered.
void od_error_page_note(const struct od_task *task, od_slice report);

// A whole response with status 500.
void od_error_page_put(struct od_bytes *response, od_slice report);

#endif
