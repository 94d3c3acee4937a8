// What a worker that died has left, taken over by the one in its place.
//
// Main sends the records of objects and sockets that the dead one had told (keep.h), oldest socket
// first, each with its connection. The objects are made asleep with their sockets in the old order,
// and no event tells of it: as after a hibernation the next one constructs. A socket with something
// in flight could not go on; it comes without connection, and its object hears webSocketClose (1012
// when the client was told so, 1006 when it was cut), so that lists of who is present stay right.
//
// Order: nothing is delivered to any object before RESTORED; else an object could look at its
// sockets while half of them are still on their way.

#ifndef OD_OBJECT_RESTORE_H
#define OD_OBJECT_RESTORE_H

#include "object/objects.h"

// The bodies of RESTORE_OBJECT and RESTORE_SOCKET (link/kinds.h). Takes [fd].
void od_restore_object(struct od_objects *objects, od_slice body);
void od_restore_socket(struct od_objects *objects, od_slice body, int fd);

// A client that another node has kept for an object that is here now: edge and count were read of
// [cursor], which is the body of EDGE_ATTACH. Its socket, which still needs its connection with
// that [record]; NULL: the object is not here, or has no room for it.
struct od_socket *od_restore_client(struct od_objects *objects, struct od_cursor *cursor,
                                    od_slice *record);

#endif
