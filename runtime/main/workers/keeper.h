// The keeper: a duplicate of every accepted WebSocket's descriptor, with what its object knows of
// it.
//
// A worker can die; the connections of its objects need not. As long as one process holds a
// descriptor the kernel keeps the connection open, so main holds one of each, and beside it the
// record (object, protocol) and the facts (tags, attachment), as bytes that mean nothing to it. Of
// objects it keeps what their storage does not: the auto response. Sockets are numbered by their
// workers.
//
// What becomes of them when a worker dies is recovery.h.
//
// Process: main. Owner: embedded; descriptors belong to the keeper. Cost: about 100 bytes and the
// record.

#ifndef OD_MAIN_WORKERS_KEEPER_H
#define OD_MAIN_WORKERS_KEEPER_H

#include "base/clock.h"
#include "base/map.h"
#include "base/slice.h"

struct od_kept_socket {
    struct od_map_node node;
    uint64_t socket;
    uint32_t worker;
    uint32_t place;         // On the worker's page.
    int fd;                 // -1: the connection is closed, which its object has to learn.
    uint16_t code;          // How it was closed then.
    bool masks;             // A Close of ours is masked, as we are the client.
    bool is_over;           // Its connection has ended; the object hears what came before.
    bool is_moving;         // Its record tells all that is under way; the page means nothing.
    od_time_ms answered_ms; // Of its last auto response; known once its worker has ended.
    char *facts;            // Tags and attachment, the latest; NULL: as in the record.
    uint32_t facts_bytes;
    uint32_t record_bytes;
    char record[];
};

struct od_kept_object {
    struct od_map_node node;
    uint32_t worker;
    uint8_t id[32];
    uint32_t record_bytes;
    char record[];
};

struct od_keeper {
    struct od_map kept;
    struct od_map objects;
};

void od_keeper_init(struct od_keeper *keeper);
void od_keeper_deinit(struct od_keeper *keeper); // Closes the descriptors; no shutdown.

// Takes [fd], copies [record]. Not for a number that is kept already.
struct od_kept_socket *od_keeper_keep(struct od_keeper *keeper, uint32_t worker, uint64_t socket,
                                      uint32_t place, od_slice record, int fd);
// In place of its record and facts. [is_moving]: it can go on from [record], whatever the page
// says.
void od_keeper_state(struct od_keeper *keeper, uint32_t worker, uint64_t socket, bool is_moving,
                     od_slice record);
// Copied. A socket that is not kept (any more) is an ordinary outcome here and below.
void od_keeper_facts(struct od_keeper *keeper, uint32_t worker, uint64_t socket, od_slice facts);
struct od_kept_socket *od_keeper_find(const struct od_keeper *keeper, uint32_t worker,
                                      uint64_t socket);
void od_keeper_forget(struct od_keeper *keeper, uint32_t worker, uint64_t socket);

// Copies [record], in place of an earlier one; empty: forgets it. [id] is 32 bytes.
void od_keeper_object(struct od_keeper *keeper, uint32_t worker, const char *id, od_slice record);

// Calls [visit] with each socket of [worker]; it may forget the one it is given.
void od_keeper_each(struct od_keeper *keeper, uint32_t worker,
                    void (*visit)(void *owner, struct od_kept_socket *kept), void *owner);
void od_keeper_each_object(struct od_keeper *keeper, uint32_t worker,
                           void (*visit)(void *owner, const struct od_kept_object *kept),
                           void *owner);

#endif
