// Who answers what an operator asks, on behalf of objects: with what is stored and what this worker
// knows, and never with a script.
//
// Objects know only that there is somebody. Who it is stands above them (operator/inspection.h,
// operator/look.h), and needs all they consist of.

#ifndef OD_OBJECT_INSPECTOR_H
#define OD_OBJECT_INSPECTOR_H

#include "base/slice.h"

struct od_call;
struct od_object;

struct od_inspector {
    // A command that is a look (link/commands.h), of the call of that number; [invocation] as it
    // came. The answer leaves through the outbox. No Lua of the object runs.
    void (*look)(struct od_object *object, uint64_t call, od_slice invocation);

    // A call OD_CALL_LIST that is for this worker; [asked] is what is behind its number. Answers.
    void (*list)(struct od_call *call, od_slice asked);
};

#endif
