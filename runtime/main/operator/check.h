// `open-do check`: a dry run of the script, and what came of it, in words and as an exit code.
//
// Nothing is opened or bound, so a script can be checked beside a server that runs it.
//
// Process: main. One call, from birth to exit code.

#ifndef OD_MAIN_OPERATOR_CHECK_H
#define OD_MAIN_OPERATOR_CHECK_H

#include "link/options.h"

OD_MUST_CHECK enum od_exit od_check_run(const struct od_options *options);

// The same for [files] (link/files.h), whatever lies on the disk; empty: those.
OD_MUST_CHECK enum od_exit od_check_run_files(const struct od_options *options, od_slice files);

#endif
