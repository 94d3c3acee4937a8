// `open-do types`: what editors and linters want to know of the Lua API, as files beside a script.
//
// The definitions are part of the program (lua/types), so they are those of this version. They are
// LuaCATS, which lua-language-server reads, and a `std` for luacheck.
//
// Process: of its own.

#ifndef OD_BINDINGS_TYPES_H
#define OD_BINDINGS_TYPES_H

#include "link/options.h"

// Writes into the folder [options->path], or the current one. Files of the author (.luarc.json,
// .luacheckrc) are only made when there are none; else it prints what belongs into them.
enum od_exit od_types_write(const struct od_options *options);

// `open-do new`: a project to start from, made of [options->template_name] (lua/new) in that
// folder, which must be empty or not there yet. It has its types, too.
enum od_exit od_new_write(const struct od_options *options);

#endif
