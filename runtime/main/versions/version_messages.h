// What workers are told of versions of the script: LOAD, and SWITCH or DISCARD.
//
// Process: main; for reload*.c.

#ifndef OD_MAIN_VERSIONS_VERSION_MESSAGES_H
#define OD_MAIN_VERSIONS_VERSION_MESSAGES_H

#include "main/workers/supervisor.h"

bool od_version_is_heard(const struct od_child *child); // Whether it is there to be told.
void od_version_send_load(struct od_child *child, uint32_t version, od_slice files);
void od_version_send_to_all(struct od_supervisor *supervisor, enum od_kind kind, uint32_t version);

#endif
