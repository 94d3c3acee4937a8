// The client of the control socket: `open-do status`, `open-do reload` and what else is asked of a
// running program. Says the command, prints what comes, and is gone; of a node that is to leave a
// cluster it goes on to tell until that has.
//
// Process: its own; it blocks, with a deadline.

#ifndef OD_MAIN_OPERATOR_CONTROL_CLIENT_H
#define OD_MAIN_OPERATOR_CONTROL_CLIENT_H

#include "base/bytes.h"
#include "link/options.h"

// Exit code 0 when the answer is good; 1 when it is not, or when no program runs over the data
// directory.
enum od_exit od_control_client_run(const struct od_options *options);

// For who wants the answer himself: asks [name] with the bytes [body]. [ok]: what the answer begins
// with; what follows that is put behind [answer]. False: there is none.
OD_MUST_CHECK bool od_control_client_ask(const char *data_dir, const char *name, od_slice body,
                                         bool *ok, struct od_bytes *answer, struct od_error *err);

#endif
