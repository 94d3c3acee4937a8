// A dry run: the script is loaded in a process of its own, before any worker does it.
//
// A script that never ends at its top level, or brings the process down, does it here, where
// nobody's objects live; main stops this process when it takes too long. It is also the one that
// reads the files from the disk, and hands them to main with its verdict.
//
// It may be started long before it is needed, and waits for LOAD: when somebody has just saved, the
// script itself is all that is left to do.
//
// Process: a child of main that serves nothing.

#ifndef OD_WORKER_DRY_RUN_H
#define OD_WORKER_DRY_RUN_H

#include "link/options.h"
#include "object/script.h"

// The whole life of that process: once asked, says LOADED (version 0) to main at [link_fd], and
// that is all. Returns its exit code.
int od_dry_run_main(const struct od_options *options, od_script_new *new_script, int link_fd);

#endif
