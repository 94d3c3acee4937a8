// `open-do dev`: code that runs on and on is named, with its line, while it runs.
//
// A worker in an endless loop is killed in the end (main/workers/watchdog.h), and then only the
// handler is known. LuaJIT's profiler can look into a loop also when that is compiled: some times
// in a second of the processor's it calls back, with the frames as they are. Compiled code pays for
// that at every line, so only `dev` does it. A single call of the library that takes for ever
// (`string.find`) is not seen before it returns.
//
// There is one profiler in a process; the script that was loaded last has it.

#ifndef OD_ENGINE_LOOP_WATCH_H
#define OD_ENGINE_LOOP_WATCH_H

struct od_engine;

void od_loop_watch_start(struct od_engine *engine);
void od_loop_watch_stop(struct od_engine *engine); // Also allowed for one that was not started.

#endif
