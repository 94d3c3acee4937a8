// What is inside an object, for an operator who looks at it: the methods of its class and the
// fields of its instance.
//
// None of the script's code runs: tables are read as they are, without their metamethods.

#ifndef OD_BINDINGS_INSIDE_H
#define OD_BINDINGS_INSIDE_H

#include "base/bytes.h"

struct od_engine;
struct od_object;

#define OD_INSIDE_NAMES_MAX 200    // Methods, and fields.
#define OD_INSIDE_VALUE_BYTES 8192 // Of one field; of what is larger only the type is told.

// Facts (link/facts.h): a record with the items "methods"; and for each field "field", "type"
// and, if it is a value that could be stored, "value". Without an instance there are no fields.
void od_inside_put(struct od_engine *engine, struct od_object *object, struct od_bytes *facts);

#endif
