// How long the process for other nodes is waited for.
//
// Times are on the monotonic clock, so a spec can turn them.

#ifndef OD_MAIN_NODES_LIMITS_H
#define OD_MAIN_NODES_LIMITS_H

#define OD_NODE_ASKED_MS 1000        // How often it is asked for a turn,
#define OD_NODE_ASKED_MAX 5          // and how often in vain before it is replaced.
#define OD_NODE_RESTART_MS 200       // From its end to the next one.
#define OD_NODE_END_WAIT_MS_MAX 2000 // For it to say the last words of workers; then SIGKILL.

#endif
