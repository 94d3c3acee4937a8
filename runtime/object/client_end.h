// The client's end of another object's socket: an object as the client of an object.
//
// A fetch of an upgrade may be answered with 101 and a socket of the object that was asked. The
// task that asked then has the client's end of it, to do one of three things: hand it on in its own
// answer, to whoever asked it; accept it, which makes it a socket of its own object like any other;
// or nothing, and then it is closed when the task ends.
//
// Accepting joins the two sockets by a pair of local descriptors, each of which goes where an
// accepted connection goes: to a wire in its object's worker, and to main's keeper. So for sleep,
// reload and the end of a worker there is nothing special about such a socket; all that is, is that
// the client's end masks what it sends (codec/upgrade_record.h).
//
// Owner: the task.

#ifndef OD_OBJECT_CLIENT_END_H
#define OD_OBJECT_CLIENT_END_H

#include "link/response.h"
#include "object/socket.h"

struct od_task;

// A task has been answered with a 101; [url] is what it asked for.
void od_client_end_arrive(struct od_task *task, const struct od_response *response, od_slice url);

// The same of a WebSocket to another server, which the task has asked for (outgoing.h): [record]
// and [fd], taken, are its connection. It can be accepted, not handed on. The subprotocol.
od_slice od_client_end_dialled(struct od_task *task, uint64_t number, od_slice record, int fd);
bool od_client_end_is_dialled(const struct od_task *task, uint32_t worker, uint64_t number);

// Whether [task] has it still.
bool od_client_end_is_there(const struct od_task *task, uint32_t worker, uint64_t number);

// Accepts it for the object of [task], as od_socket_accept does a new one.
OD_MUST_CHECK bool od_client_end_accept(struct od_task *task, uint32_t worker, uint64_t number,
                                        const od_slice *tags, size_t tag_count,
                                        struct od_socket **socket, struct od_error *err);

// It has gone on in the answer of the task. Unknown ones are ignored.
void od_client_end_forget(struct od_task *task, uint32_t worker, uint64_t number);

void od_client_ends_lose(struct od_task *task); // All that are left: nobody will be their client.

#endif
