// What reaches an object: everything comes through its inbox as one of these.
//
// An event is made by whoever brings the news (a connection, a link, a timer) and is handled by one
// task of the object. It owns its bytes, and nothing else.
//
// One that can be handled at once is not made but borrowed, by a task that does not wait.
//
// Owner: the inbox from od_object_receive on, then the task that handles it, which frees it.

#ifndef OD_OBJECT_PARTS_EVENT_H
#define OD_OBJECT_PARTS_EVENT_H

#include "base/bytes.h"
#include "base/list.h"

struct od_socket;

enum od_event_kind {
    OD_EVENT_FETCH,     // A request that wants an answer; bytes: link/request.h.
    OD_EVENT_CALL,      // A method is called and wants an answer; bytes: link/invocation.h.
    OD_EVENT_COMMAND,   // An operator writes something (link/commands.h); bytes: as of CALL.
    OD_EVENT_MESSAGE,   // A whole message on a socket; bytes: the payload.
    OD_EVENT_CLOSE,     // A socket has ended; bytes: the reason.
    OD_EVENT_ERROR,     // A socket is gone by our doing; bytes: why (net/websocket_read.c).
    OD_EVENT_OPEN,      // A socket to outside is connected (wish.h).
    OD_EVENT_UNREACHED, // Or it could not be; bytes: why.
    OD_EVENT_ALARM,     // The alarm is due; bytes: struct od_alarm_ring
                        // (alarm_event.h).
    OD_EVENT_TIMER,     // A timer of the script is due (timeout.h).
    OD_EVENT_LEFT,      // Who has asked a task for an answer has gone (od_task_asker_left).
    OD_EVENT_BRANCH,    // Of a task: it runs beside others of its handler (branch.h).
    OD_EVENT_RESUME,    // What a waiting task waits for is there; bytes: an answer or an error.
};

struct od_event {
    struct od_list link; // In an inbox or behind a busy socket.
    enum od_event_kind kind;
    bool is_binary;           // MESSAGE.
    bool was_clean;           // CLOSE.
    bool is_borrowed;         // With its bytes; od_event_keep makes one that stays.
    bool ok;                  // RESUME: false when [bytes] is a failure (link/failure.h).
    bool is_again;            // OPEN: it was open before.
    uint16_t code;            // CLOSE.
    struct od_socket *socket; // MESSAGE, CLOSE, ERROR, OPEN, UNREACHED; it outlives its events.
    uint64_t call; // FETCH, CALL, COMMAND: which call wants the answer (object/call.h); else 0.
    union {
        uint64_t task;  // RESUME: which task waits. LEFT: which has been left.
        uint64_t timer; // TIMER: which one.
    };
    int64_t came_us; // When it was put into an inbox; 0: it was not yet.
    size_t size;
    char *memory; // The bytes, when they were moved here or are borrowed; NULL: they follow.
    char bytes[];
};

struct od_event *od_event_new(enum od_event_kind kind, od_slice bytes); // Copies [bytes].

// Takes what [memory] holds, which is then empty: a large message is not copied.
struct od_event *od_event_new_of(enum od_event_kind kind, struct od_bytes *memory);

// Of one that is borrowed a copy, with its bytes; any other, and NULL, as it is.
struct od_event *od_event_keep(struct od_event *event);
void od_event_free(struct od_event *event); // NULL is allowed; one that is borrowed stays.
od_slice od_event_bytes(const struct od_event *event);
bool od_event_is_call(const struct od_event *event); // Its name is that of a method.
bool od_event_kind_is_call(enum od_event_kind kind);
const char *od_event_kind_name(enum od_event_kind kind); // Of all but those.
// As authors know it: "webSocketMessage"; of a call the event's own, else for ever.
const char *od_event_name(const struct od_event *event);

#endif
