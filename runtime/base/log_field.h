// Fields of a log line, for who reads it with a program: what else is known, each under a name.
//
// They are JSON already, each with a comma before it, as they stand in the line.

#ifndef OD_BASE_LOG_FIELD_H
#define OD_BASE_LOG_FIELD_H

#include "base/bytes.h"

void od_log_field_text(struct od_bytes *fields, const char *name, od_slice text); // Not when empty.
void od_log_field_number(struct od_bytes *fields, const char *name, double number);

// One that a script has named, whose value is JSON. A name that a line has already, or may have,
// gets a mark behind it.
void od_log_field_json(struct od_bytes *fields, od_slice name, od_slice json);

#endif
