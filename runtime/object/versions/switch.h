// A switch: from one version of the script to the next, for all objects of a worker at once.
//
// Handlers end on the code they began with. So a former version stays until nothing needs it any
// more: no handler, no instance.
//
// Process: workers.

#ifndef OD_OBJECT_VERSIONS_SWITCH_H
#define OD_OBJECT_VERSIONS_SWITCH_H

#include "object/objects.h"

// From here on [script], which is loaded, is the current version: every event that begins meets it.
// Instances of the one before are dropped, by the renewal that is begun next (renewal.h); those
// with a running handler when it has ended, or after OD_OUTDATED_MS_MAX. Not while Lua runs.
void od_objects_switch(struct od_objects *objects, struct od_script *script);

// Between two turns: closes former versions that nothing needs any more, for a bounded time; true
// when there is more to do at once.
bool od_objects_close_scripts(struct od_objects *objects);

#endif
