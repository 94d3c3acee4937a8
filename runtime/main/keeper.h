// The keeper: a duplicate of every accepted WebSocket's descriptor, with what its object knows of
// it.
//
// A worker can die; the connections of its objects need not. As long as one process holds a
// descriptor the kernel keeps the connection open, so main holds one of each, and beside it the
// record (object, tags, protocol) and the attachment, as bytes that mean nothing to it. Sockets are
// numbered by their workers.
//
// Today the sockets of a worker that died are shut down, so that their clients notice at once and
// come back. Handing them to the replacement is od_keeper_each in place of od_keeper_shut.
//
// Process: main. Owner: embedded; descriptors belong to the keeper. Cost: about 80 bytes and the
// record.

#ifndef OD_MAIN_KEEPER_H
#define OD_MAIN_KEEPER_H

#include "base/map.h"
#include "base/slice.h"

struct od_kept {
    struct od_map_node node;
    uint64_t socket;
    uint32_t worker;
    int fd;
    char *attachment; // NULL: none.
    uint32_t attachment_bytes;
    uint32_t record_bytes;
    char record[];
};

struct od_keeper {
    struct od_map kept;
};

void od_keeper_init(struct od_keeper *keeper);
void od_keeper_deinit(struct od_keeper *keeper); // Closes the descriptors; no shutdown.

// Takes [fd], copies [record]. The worker has announced every number only once.
void od_keeper_keep(struct od_keeper *keeper, uint32_t worker, uint64_t socket, od_slice record,
                    int fd);
// Copied. A socket that is not kept (any more) is an ordinary outcome here and below.
void od_keeper_attach(struct od_keeper *keeper, uint32_t worker, uint64_t socket,
                      od_slice attachment);
void od_keeper_forget(struct od_keeper *keeper, uint32_t worker, uint64_t socket);

// Calls [visit] with each socket of [worker]; it may forget the one it is given.
void od_keeper_each(struct od_keeper *keeper, uint32_t worker,
                    void (*visit)(void *owner, struct od_kept *kept), void *owner);

// Shuts down and forgets the sockets of [worker]; returns how many.
size_t od_keeper_shut(struct od_keeper *keeper, uint32_t worker);

#endif
