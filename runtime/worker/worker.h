// A worker: the process in which objects live. It owns their connections, runs their code, and
// keeps nothing that main or the disk does not know, so it may die at any moment.
//
// One turn: what has arrived becomes events in inboxes; Lua runs; what it wrote goes to main as one
// message; what may leave, leaves. Nothing else ever calls Lua.
//
// Process: a worker, from its first line to its last.

#ifndef OD_WORKER_WORKER_H
#define OD_WORKER_WORKER_H

#include "link/options.h"
#include "object/script.h"

// The whole life of worker number [index]; [link_fd] leads to main, and [page_fd] is the page it
// shares with main. Loads what main sends, with scripts made by [new_script] (from bindings/), says
// READY or LOAD_FAILED, serves until main says DRAIN or is gone. Returns the exit code of the
// process.
int od_worker_main(const struct od_options *options, od_script_new *new_script, uint32_t index,
                   int link_fd, int page_fd);

#endif
