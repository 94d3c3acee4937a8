// The schedules of one object (parts/schedule.h): they are set, and given up.

#ifndef OD_OBJECT_SCHEDULES_H
#define OD_OBJECT_SCHEDULES_H

#include "object/object.h"
#include "object/parts/schedule.h"

// What the object's code sees and does. [at_ms] is for AT. Setting the same again changes nothing,
// so it may be done in each constructor; another method or other arguments keep the time.
OD_MUST_CHECK bool od_object_set_schedule(struct od_object *object, od_slice name,
                                          const struct od_schedule *schedule, od_time_ms at_ms,
                                          struct od_error *err);
OD_MUST_CHECK bool od_object_delete_schedule(struct od_object *object, od_slice name, bool *existed,
                                             struct od_error *err);

// A row as it was in another object, which may be due at once.
OD_MUST_CHECK bool od_object_import_schedule(struct od_object *object, od_slice name,
                                             od_time_ms time_ms, od_slice body,
                                             struct od_error *err);

#endif
