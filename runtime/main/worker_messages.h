// What workers say to main: from a message to the module it is for.
//
// Process: main; Thread: the loop's.

#ifndef OD_MAIN_WORKER_MESSAGES_H
#define OD_MAIN_WORKER_MESSAGES_H

#include "main/server_inner.h"

// Takes [fd]. False: the message makes no sense, and neither does whoever sent it.
bool od_worker_messages_take(struct od_server *server, struct od_child *child, enum od_kind kind,
                             od_slice body, int fd);

#endif
