// What a process takes of the machine, for the admin process, which shows it.

#ifndef OD_BINDINGS_PROCESS_FACTS_H
#define OD_BINDINGS_PROCESS_FACTS_H

#include <lua.h>

// A lua_CFunction: process(pid) -> { cpu = seconds, resident = bytes, descriptors = count }; what
// the system does not tell is left out.
int od_process_facts(lua_State *L);

#endif
