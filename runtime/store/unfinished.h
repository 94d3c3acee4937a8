// A directory that is being made, by a backup or a restore, and is recognized until it is whole.
//
// All of it is made in a folder OD_UNFINISHED_NAME inside and moved out at the end; the folder goes
// last. While it is there nobody takes the directory for a backup or serves it: whoever made it was
// killed, or is still at it.
//
// Owner: whoever began it; od_unfinished_end or od_unfinished_abandon.

#ifndef OD_STORE_UNFINISHED_H
#define OD_STORE_UNFINISHED_H

#include "base/error.h"

#define OD_UNFINISHED_NAME "unfinished"

struct od_unfinished {
    char *directory;
    char *folder;           // Where to make it.
    bool is_directory_made; // It was not there before.
};

// The directory must be missing or empty.
OD_MUST_CHECK bool od_unfinished_begin(struct od_unfinished *unfinished, const char *directory,
                                       struct od_error *err);
// What was made is the directory's. Files must be on the disk already.
OD_MUST_CHECK bool od_unfinished_end(struct od_unfinished *unfinished, struct od_error *err);
void od_unfinished_abandon(struct od_unfinished *unfinished); // Removes all of it.

// False, with words, when the directory is one.
OD_MUST_CHECK bool od_unfinished_refuse(const char *directory, struct od_error *err);

#endif
