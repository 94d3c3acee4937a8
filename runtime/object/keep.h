// What main's keeper is told of sockets, so that they outlive the worker that serves them.
//
// Record of SOCKET_KEEP: 32 bytes id, str namespace, u8 has name, str name, u16 tags, (str tag)*,
// str attachment, u8 has attachment. A later attachment follows by itself, and in the end that it
// is gone.

#ifndef OD_OBJECT_KEEP_H
#define OD_OBJECT_KEEP_H

#include "object/objects.h"
#include "object/socket.h"

void od_keep_socket(struct od_socket *socket); // Now attached; main gets a duplicate descriptor.
void od_keep_attachment(const struct od_socket *socket);
void od_keep_gone(struct od_objects *objects, uint64_t socket);

#endif
