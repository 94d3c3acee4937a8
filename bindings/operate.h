// Commands that look into a running program: `open-do object`, `kv`, `call` and the like.
//
// What they are to a person stands in lua/open-do/command: the words, the tables, JSON. C gives it
// three things: a question to the program that serves the data directory, values as bytes, and the
// message of a call.
//
// Process: of its own; it blocks.

#ifndef OD_BINDINGS_OPERATE_H
#define OD_BINDINGS_OPERATE_H

#include "base/bytes.h"
#include "base/error.h"
#include "link/options.h"

// Asks [name] with the bytes [body] of the program that serves [data_dir]. [ok]: what the answer
// begins with; what follows that is put behind [answer]. False: there is none.
typedef bool od_operate_ask(const char *data_dir, const char *name, od_slice body, bool *ok,
                            struct od_bytes *answer, struct od_error *err);

enum od_exit od_operate_run(const struct od_options *options, od_operate_ask *ask);

#endif
