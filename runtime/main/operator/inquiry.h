// Questions to objects: how an operator's call or command reaches its object, and the answer him.
//
// For workers main is here one more peer: it sends a CALL as they do (object/call_peer.c), with a
// number of its own, and gets a REPLY. It looks at whom a call is for and at what would have to be
// noted in the log, and decodes nothing else. That the object is at another node is the worker's
// business: it asks there, as for one of its own objects.
//
// A question ends in one of three ways: with its reply, with its worker, or after
// OD_INQUIRY_MS_MAX; then the call is given up there too.
//
// Process: main. Owner: embedded in the server; od_inquiries_deinit answers what is still open.

#ifndef OD_MAIN_OPERATOR_INQUIRY_H
#define OD_MAIN_OPERATOR_INQUIRY_H

#include "base/list.h"
#include "main/door/router.h"
#include "main/nodes/node_process.h"
#include "main/operator/control.h"
#include "main/workers/supervisor.h"

struct od_inquiries {
    struct od_loop *loop;
    struct od_supervisor *supervisor;
    const struct od_router *router;      // Which names the script gives.
    const struct od_node_process *nodes; // Who else can be asked.
    struct od_list open;
    uint64_t last_number;
};

void od_inquiries_init(struct od_inquiries *inquiries, struct od_loop *loop,
                       struct od_supervisor *supervisor, const struct od_router *router,
                       const struct od_node_process *nodes);
void od_inquiries_deinit(struct od_inquiries *inquiries);

// [call] is one (object/call.h), where the namespace is called as the script calls it, and the id
// of an object with a name is left out: zeros. The answer is that of a REPLY, from its outcome on;
// or, failed, a text.
void od_inquiries_call(struct od_inquiries *inquiries, struct od_control_question *question,
                       od_slice call);

// [body]: u32 node (0: this one), u32 worker of it, and what is to be told of the objects there
// (object/operator/inspection.h). The answer is of the same kind.
void od_inquiries_list(struct od_inquiries *inquiries, struct od_control_question *question,
                       od_slice body);

// The body of a REPLY. False: it makes no sense. One that comes late finds nobody.
bool od_inquiries_take_reply(struct od_inquiries *inquiries, const struct od_child *child,
                             od_slice body);

void od_inquiries_worker_gone(struct od_inquiries *inquiries, uint32_t worker);

#endif
