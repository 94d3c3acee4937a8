// The site of the admin process: Lua of ours in a state without a script.
//
// What it shows and who may ask stands in lua/open-do/admin; commands are those of the command line
// (lua/open-do/command). These are written as if an answer came at once; here the coroutine in
// which a command runs waits for it (lua/engine/coroutine.lua), so one that takes long keeps
// nobody.
//
// Process: the admin process.

#ifndef OD_BINDINGS_ADMIN_SITE_H
#define OD_BINDINGS_ADMIN_SITE_H

#include "admin/admin.h"

od_admin_site_new od_admin_bindings_new;

#endif
