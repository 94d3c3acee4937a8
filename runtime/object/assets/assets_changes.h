// What `open-do dev` tells open pages of the files they are made of: that one has changed.
//
// A page that wants to be loaded again then has `<script src="/.open-do/reload.js"></script>`. That
// script asks for a mark of the folder of assets, twice a second, and how many ms ago the newest
// change was. It reloads the page when the mark is another one than before, or when at its first
// look the newest change is younger than the page; and never within a change, for then the page
// itself may be half there, without its script. So nothing is kept for it here, and it survives
// what any page does: a worker's death, a reload, a program that comes back. In `open-do run` there
// is no such script.
//
// Process: worker. Owner: nobody owns anything.

#ifndef OD_OBJECT_ASSETS_ASSETS_CHANGES_H
#define OD_OBJECT_ASSETS_ASSETS_CHANGES_H

#include "base/bytes.h"

enum {
    OD_ASSETS_MARKED_MAX = 10000, // Files that are looked at; those behind them may change unseen.
};

// Appends the response if [path] is one of the two. [root] is the folder.
bool od_assets_changes_answer(int root, od_slice path, struct od_bytes *response);

#endif
