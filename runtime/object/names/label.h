// How an object is called in logs and to people: "rooms/lobby", or "rooms/1f3b…" without a name.

#ifndef OD_OBJECT_NAMES_LABEL_H
#define OD_OBJECT_NAMES_LABEL_H

#include "object/names/id.h"

// How many bytes it takes, with the zero behind it; and puts it there. Its end is the name.
size_t od_label_bytes(od_slice namespace_name, bool has_name, od_slice name);
void od_label_put(char *at, od_slice namespace_name, const od_id *id, bool has_name, od_slice name);

// The caller frees it.
char *od_label_new(od_slice namespace_name, const od_id *id, bool has_name, od_slice name);

#endif
