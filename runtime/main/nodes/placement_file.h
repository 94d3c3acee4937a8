// A placement that a file says and no engine, for specs of what goes on between nodes.
//
// OPEN_DO_TEST_PLACEMENT names the file, and counts only beside OPEN_DO_TEST_PAGE (base/fault.h).
// It is looked at again and again; who changes it puts another in its place. Lines:
//
//   cluster ID
//   self ID
//   node ID LIFE ADDRESS     in order of ids, this one among them
//   slots ID FIRST LAST      which that node has; others are nowhere
//
// Owner: embedded; od_placement_file_close.

#ifndef OD_MAIN_NODES_PLACEMENT_FILE_H
#define OD_MAIN_NODES_PLACEMENT_FILE_H

#include "base/bytes.h"
#include "base/timers.h"
#include "cluster/placement.h"
#include "link/loop.h"

struct od_placement_file {
    struct od_loop *loop;
    struct od_placement *placement;
    const char *path; // NULL: there is none.
    struct od_bytes said;
    struct od_timer timer;
};

bool od_placement_file_is_wanted(void);

void od_placement_file_init(struct od_placement_file *file, struct od_loop *loop,
                            struct od_placement *placement);
void od_placement_file_close(struct od_placement_file *file);

#endif
