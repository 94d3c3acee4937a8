// Wishes of objects for WebSockets to outside (object/wish.h), recalled when a worker begins.
//
// They stand in the order of alarms behind all that is ever due. A worker is told, before it
// delivers anything, which of its objects have some: of those whose sockets it was given back it
// knows, the others it dials.
//
// Process: main.

#ifndef OD_MAIN_WORKERS_WISHES_H
#define OD_MAIN_WORKERS_WISHES_H

#include "main/workers/child.h"
#include "store/alarm.h"

struct od_reader;

// Tells [child] a portion of them, from [from] on, which is moved. True when there are more. NULL:
// nothing is stored.
bool od_wishes_recall(struct od_reader *reader, struct od_child *child, uint32_t worker_count,
                      struct od_alarm_place *from);

// How many stand there.
uint64_t od_wishes_count(struct od_reader *reader);

#endif
