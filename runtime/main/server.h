// The server: the main process of `open-do run`, from the first open to the last close.
//
// It runs no user code and never blocks. Each turn it polls once; what was said by clients,
// workers, the disk and the operator is passed on to whom it concerns; then all links are flushed.
//
//   STARTING ──all workers READY──► SERVING ──SIGTERM──► STOPPING ──all workers gone──► over
//       └── a worker cannot load the script, or ends ───────┘
//
// Order at the start: the data directory is taken before the port is bound, both before workers
// start, and connections are accepted when every worker has loaded the script. So a second server
// is turned away before it has touched anything, and a broken script is never served by half of the
// workers.
//
// Process: main. One call, from birth to exit code.

#ifndef OD_MAIN_SERVER_H
#define OD_MAIN_SERVER_H

#include "link/options.h"

OD_MUST_CHECK enum od_exit od_server_run(const struct od_options *options);

// The same in the place of another program, from the record at [fd] (takeover.h), which it takes.
OD_MUST_CHECK enum od_exit od_server_take_over(const struct od_options *options, int fd);

#endif
