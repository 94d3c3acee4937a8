// The specs of an author: `open-do test` is the Lua interpreter that busted runs in.
//
// A spec is an ordinary program with the whole standard library. It gets the library part of module
// "open-do" (JSON, Headers, hashes, ...), so that it can make requests and read answers, and module
// "open-do.test" (lua/open-do/test), which starts this same program with the author's script and
// talks to it. Both are part of the program, and functions travel from a spec into an object as
// bytecode, so interpreter, module and server must be of one version: being one program they are.
//
// What "open-do.test" needs of C it gets in native.test: the path of this program, and values as
// bytes, as they cross between spec and server.
//
// Process: of its own; nothing of the runtime is open in it.

#ifndef OD_BINDINGS_SPEC_RUN_H
#define OD_BINDINGS_SPEC_RUN_H

#include "link/options.h"

// Runs the specs at [options->path]. The exit code is busted's; OD_EXIT_WRONG when there is no
// busted or nothing to run, with a text that says what to do.
enum od_exit od_spec_run(const struct od_options *options);

#endif
