// A trial: one worker loads the script, says whether it could, and that is all. `open-do check`.
//
// Nothing is opened or bound, so a script can be checked beside a server that runs it.
//
// Process: main. One call, from birth to exit code.

#ifndef OD_MAIN_TRIAL_H
#define OD_MAIN_TRIAL_H

#include "link/options.h"

OD_MUST_CHECK enum od_exit od_trial_run(const struct od_options *options);

#endif
