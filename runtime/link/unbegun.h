// What a worker has read of requests that it has not begun, in memory that main can read.
//
// Bytes that were read are in no kernel any more. Should the worker end before it begins the
// request they are of, they are all that is left of it, so they also lie here, on the worker's
// page, until then: a list of blocks for each HTTP connection, by its place. Main gives them to the
// next worker (main/workers/lease.h), and nothing that was not begun is lost or asked for again.
//
// When there is no block left (bodies of many MiB that are on their way), the connection is shown
// as OD_PAGE_BUSY instead: who dies then owes its client an answer of 503.
//
// Process: the worker writes; main reads when its life is over, and believes nothing it finds.
// Owner: the net embeds struct od_unbegun; the blocks belong to the page.

#ifndef OD_LINK_UNBEGUN_H
#define OD_LINK_UNBEGUN_H

#include "base/bytes.h"
#include "base/check.h"
#include "link/worker_page.h"

struct od_unbegun {
    struct od_worker_page *page; // NULL: nobody looks, and nothing is kept.
    uint32_t free;               // The first block that can be used again, counted from 1; 0: none.
    uint32_t next;               // Blocks from here on were never used.
};

// Appends [bytes] to what lies at [place]. False: there is no room, and some of it may lie there.
OD_MUST_CHECK bool od_unbegun_put(struct od_unbegun *unbegun, uint32_t place, od_slice bytes);
void od_unbegun_drop(struct od_unbegun *unbegun, uint32_t place); // All that lies there.

// In main: appends what lies at [place] of a worker that has ended. [blocks] is how many there can
// still be, of all places: lists may be crossed, or circles.
void od_unbegun_read(const struct od_worker_page *page, uint32_t place, uint32_t *blocks,
                     struct od_bytes *bytes);

#endif
