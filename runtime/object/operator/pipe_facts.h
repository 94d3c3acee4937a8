// Facts of an object's plain connections to outside (pipe.h).

#ifndef OD_OBJECT_OPERATOR_PIPE_FACTS_H
#define OD_OBJECT_OPERATOR_PIPE_FACTS_H

#include "base/bytes.h"

struct od_object;

// "db.example:5432, with TLS, open", as a fact "connections" each.
void od_pipes_put(struct od_bytes *facts, const struct od_object *object);

#endif
