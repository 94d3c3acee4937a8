// The client of the control socket: `open-do status`, `open-do reload` and what else is asked of a
// running program. Says the command, prints what comes, and is gone.
//
// Process: its own; it blocks, with a deadline.

#ifndef OD_MAIN_CONTROL_CLIENT_H
#define OD_MAIN_CONTROL_CLIENT_H

#include "link/options.h"

// Exit code 0 when the answer is good; 1 when it is not, or when no program runs over the data
// directory.
enum od_exit od_control_client_run(const struct od_options *options);

#endif
