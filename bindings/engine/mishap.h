// Something went wrong in the code of an object: the log says so, and its history
// (object/history.h) remembers it for an operator.

#ifndef OD_ENGINE_MISHAP_H
#define OD_ENGINE_MISHAP_H

#include "engine/error_report.h"
#include "object/object.h"

// [what] ran: "webSocketMessage".
void od_mishap_tell(struct od_object *object, const char *what,
                    const struct od_error_report *report);

#endif
