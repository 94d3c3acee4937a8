// The inbox of an object: events that wait for their turn.
//
// It holds what will start a task, oldest first. What running tasks wait for (RESUME) is beside it
// and goes first; the rules of whose turn it is are in object.c.
//
// Owner: struct od_object embeds the lists; events are the inbox's from put to take.

#ifndef OD_OBJECT_INBOX_H
#define OD_OBJECT_INBOX_H

#include "object/object.h"

void od_inbox_put(struct od_object *object, struct od_event *event);
struct od_event *od_inbox_take(struct od_object *object); // The oldest; there must be one.

// Who asked with [call] does not want it any more. False: its event is not here.
bool od_inbox_cancel(struct od_object *object, uint64_t call);

// The script has no class for the object: who waits for an answer gets that of a script that never
// had one. All else stays.
void od_inbox_refuse(struct od_object *object);

// Who waits for an answer is told [why], and may try again. All else stays.
void od_inbox_give_up(struct od_object *object, od_slice why);

void od_inbox_forget_sockets(struct od_object *object); // All its sockets are cut.
void od_inbox_deinit(struct od_object *object);

#endif
