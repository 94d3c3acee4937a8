// What workers say to main: from a message to the module it is for. Those that change the life of a
// worker itself never come here (main/workers/worker_process.c).
//
// Process: main; Thread: the loop's.

#ifndef OD_MAIN_WORKER_MESSAGES_H
#define OD_MAIN_WORKER_MESSAGES_H

#include "main/server_inner.h"

// Takes [fd]; [owner] is the server, as the supervisor hands it on (main/workers/supervisor.h).
// False: the message makes no sense, and neither does whoever sent it.
bool od_worker_messages_take(void *owner, struct od_child *child, enum od_kind kind, od_slice body,
                             int fd);

#endif
