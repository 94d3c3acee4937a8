// How an object is called: in logs and to people "rooms/lobby", or "rooms/1f3b…" without a name;
// and the name itself, which it is given when somebody calls it by that, or knows from its
// directory entry (od_object_name, object.h).

#ifndef OD_OBJECT_LABEL_H
#define OD_OBJECT_LABEL_H

#include "object/id.h"

struct od_object;

// The caller frees it.
char *od_label_new(od_slice namespace_name, const od_id *id, bool has_name, od_slice name);

void od_object_set_name(struct od_object *object, od_slice name); // Copied. Once.

#endif
