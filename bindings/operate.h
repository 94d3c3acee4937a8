// Commands that look into a running program: `open-do object`, `kv`, `call` and the like.
//
// What they are to a person stands in lua/open-do/command: the words, the tables, JSON. C gives it
// three things: a question to the program that serves the data directory, values as bytes, and the
// message of a call.
//
// Process: of its own; it blocks.

#ifndef OD_BINDINGS_OPERATE_H
#define OD_BINDINGS_OPERATE_H

#include <lua.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/options.h"

// Asks [name] with the bytes [body] of the program that serves [data_dir]. [ok]: what the answer
// begins with; what follows that is put behind [answer]. False: there is none.
typedef bool od_operate_ask(const char *data_dir, const char *name, od_slice body, bool *ok,
                            struct od_bytes *answer, struct od_error *err);

// How a state without a script asks the running program: what native.command needs, also that of
// the admin process (admin_site.h).
struct od_operate {
    // Asks [name] with [message], and pushes what od_operate_push_answer does, or yields for it.
    int (*ask)(lua_State *L, struct od_operate *operation, const char *name, bool has_outcome);
    struct od_bytes message; // The owner's to free.
};

void od_operate_open(lua_State *L, struct od_operate *operation); // Puts native.command.

// Pushes the bytes, or nil and why there are none. With [has_outcome] the answer is that of a call.
int od_operate_push_answer(lua_State *L, bool ok, bool has_outcome, od_slice answer);

enum od_exit od_operate_run(const struct od_options *options, od_operate_ask *ask);

#endif
