// What main's keeper is told of sockets and their objects, so that they outlive the worker that
// serves them.
//
// Record of an object: its identity (store/identity.h), u32 event timeout in ms, u8 has auto
// response, str request, str response. It is told for objects where one of these is set.
// Record of a socket: the identity of its object, str facts, str record of the connection
// (net/websocket.h).
// Facts of a socket, which its object can change: u16 tags, (str tag)*, u8 has attachment, the
// attachment. Later ones follow by themselves, and in the end that the socket is gone.
//
// Each kept socket has a place on the page (link/worker_page.h), where main sees whether it is at
// rest.
//
// Owner: struct od_objects embeds struct od_keep.

#ifndef OD_OBJECT_KEEP_H
#define OD_OBJECT_KEEP_H

#include <stdint.h>

#include "base/slice.h"

struct od_bytes;
struct od_object;
struct od_objects;
struct od_socket;

struct od_keep {
    uint32_t *free; // Places that can be used again.
    uint32_t free_count;
    size_t free_capacity;
    uint32_t next; // Places from here on were never used.
};

void od_keep_init(struct od_objects *objects);
void od_keep_deinit(struct od_objects *objects);

void od_keep_socket(struct od_socket *socket); // Now attached; main gets a duplicate descriptor.
void od_keep_again(struct od_socket *socket, uint32_t place); // Given back: main has it already.
void od_keep_state(const struct od_socket *socket); // Before this worker ends, if main needs more.
void od_keep_moved(const struct od_socket *socket); // It went on from such a record, which is void.
void od_keep_facts(const struct od_socket *socket); // Tags or attachment were set.
void od_keep_answered(const struct od_socket *socket); // An auto response was sent.
void od_keep_put_facts(struct od_bytes *bytes, const struct od_socket *socket); // As a str.
void od_keep_gone(struct od_socket *socket); // Also when it is not kept.

void od_keep_object(const struct od_object *object); // Its auto response or timeout was set.
void od_keep_forget_object(const struct od_object *object);

#endif
