// Gives up, for good, what this process will not need any more: to start programs and processes, to
// open files for writing, to rename or remove them, to signal others, to listen.
//
// A script is Lua in a sandbox. Should one ever find a way out of it, through a mistake in LuaJIT
// or in us, then it runs as this process, and this is what stops it there: the kernel asks a list
// of the system calls a worker makes (seccomp) and refuses all others. It is a list of what is
// allowed, so a system call nobody has thought of is refused. What was refused is logged, since a
// worker never tries it: it is either an attack or a mistake of ours. Who blocks the
// signal by which it is refused (SIGSYS) is killed by it.
//
// What is open stays usable, so all that is to be written is opened before: the log, the lock file
// of the store, sockets. Files may still be opened for reading, for scripts are loaded again,
// certificates and names are looked up. New threads are confined like the one that makes them.
//
// Where the kernel or the machine has no such filter, and under the sanitizers, which do all of
// this, nothing is given up.
//
// Process: one that runs scripts; once. Thread: before others are started.

#ifndef OD_BASE_CONFINE_H
#define OD_BASE_CONFINE_H

#include "base/error.h"

// Before an event loop is made: from here on there is no io_uring. libuv from 1.45 on makes one
// with its loop, if it can, and aborts when a confined process may not enter it; it may not, as no
// filter sees what goes through one.
void od_confine_prepare(void);

// False: the kernel does not do it, and [err] says why.
OD_MUST_CHECK bool od_confine(struct od_error *err);

// Logs what was refused since the last time; from time to time, outside of anything else.
void od_confine_report(void);

#endif
