// The historian: the process that looks after what is kept of the journal (--history,
// --archive-command), so that main has to wait for no disk and no command.
//
// Now and then it makes a base, and drops those that are not needed any more. Each base, and each
// segment that is closed, is given to the archive command, in their order and one at a time; what
// failed is tried again, later and later. How far that is stands in the file "archived" beside
// them. It tells main which segments must stay, and what there is (OD_KIND_HISTORY).
//
// Process: the historian. It ends with its link to main.

#ifndef OD_MAIN_PROCESSES_HISTORIAN_H
#define OD_MAIN_PROCESSES_HISTORIAN_H

#include "link/options.h"

int od_historian_main(const struct od_options *options, int link_fd);

#endif
