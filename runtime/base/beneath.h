// Files beneath a folder, whatever is asked for and whatever lies there.
//
// A path is walked component by component, and no system call ever gets more than one name, without
// following links. Links are read and walked by hand: one that leads outside, or is absolute, leads
// nowhere. So no path and no link, also one that changes meanwhile, opens a file that is not
// beneath. (openat2 would do it in one call, but the filter of base/confine.h cannot look at what
// it is asked.)
//
// Process: any. Owner: of descriptors, the caller.

#ifndef OD_BASE_BENEATH_H
#define OD_BASE_BENEATH_H

#include <sys/stat.h>

#include "base/check.h"
#include "base/slice.h"

enum {
    OD_BENEATH_LINKS_MAX = 16,   // On one way.
    OD_BENEATH_FOLDERS_MAX = 32, // Inside each other.
    OD_BENEATH_PATH_BYTES_MAX = 1024,
};

enum od_beneath {
    OD_BENEATH_NOTHING, // Or nothing that may be seen.
    OD_BENEATH_FILE,    // A regular one; [fd] is open for reading.
    OD_BENEATH_FOLDER,
};

// [path] is "a/b/c": names without a slash at either end; empty is the folder [root] itself. Names
// that begin with a dot are not there, but for ".well-known" at the top.
OD_MUST_CHECK enum od_beneath od_beneath_open(int root, od_slice path, int *fd, struct stat *about);

#endif
