// The versions of the script in one worker: the one that is served, and the next, loaded aside.
//
// Main sends the files of a version (LOAD); they are run in a Lua state of their own while the
// version before goes on serving. Only main knows whether it went well everywhere, so the next
// version waits for SWITCH or DISCARD. The first one a worker gets is served at once.
//
// Process: worker. Owner: embedded in the worker; od_versions_deinit before the objects go.

#ifndef OD_WORKER_VERSIONS_H
#define OD_WORKER_VERSIONS_H

#include "link/link.h"
#include "link/options.h"
#include "object/objects.h"

struct od_versions {
    struct od_objects *objects;
    const struct od_options *options;
    od_script_new *new_script;
    struct od_script *next; // Loaded, not served yet; NULL most of the time.
};

void od_versions_init(struct od_versions *versions, struct od_objects *objects,
                      const struct od_options *options, od_script_new *new_script);
void od_versions_deinit(struct od_versions *versions);

// Messages from main. Load answers READY or LOADED; false: the first version cannot be served.
OD_MUST_CHECK bool od_versions_load(struct od_versions *versions, od_slice body,
                                    struct od_error *err);
void od_versions_switch(struct od_versions *versions, od_slice body);
void od_versions_discard(struct od_versions *versions, od_slice body);

// Once a turn, after Lua has run: former versions that nothing needs are closed, and main hears of
// files that running code has required. True when there is more to do at once.
bool od_versions_turn(struct od_versions *versions);

// Nothing is to be done at the moment. In how many ms the script wants to tidy up; below 0: never.
od_time_ms od_versions_idle(struct od_versions *versions);

// Puts the message LOADED on [main]; [err] NULL: it went well.
void od_versions_say_loaded(struct od_link *main, const struct od_objects *objects,
                            const struct od_script *script, const struct od_error *err);

#endif
