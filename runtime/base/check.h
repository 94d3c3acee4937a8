// Assertions and the panic: what happens when open-do finds a bug in itself.
//
// OD_ASSERT states what cannot be false unless the program is wrong. It stays on in release builds:
// a server that goes on after a broken invariant can lose data, one that stops is restarted. The
// world (peers, disks, scripts, limits) is never asserted; it is handled.
//
// A panic prints the failed condition, what this process was running (see od_check_running) and
// the last log lines, then aborts.

#ifndef OD_BASE_CHECK_H
#define OD_BASE_CHECK_H

#include <stddef.h>

#ifdef OD_FFI // The specs read these headers through LuaJIT's FFI, which knows no attributes.
#define OD_PRINTF(format_index, first_index)
#define OD_MUST_CHECK
#define OD_NORETURN
#define OD_NONNULL_RESULT
#define OD_SELDOM
#else
#define OD_PRINTF(format_index, first_index)                                                       \
    __attribute__((format(printf, format_index, first_index)))
#define OD_MUST_CHECK __attribute__((warn_unused_result))
#define OD_NORETURN __attribute__((noreturn))
#define OD_NONNULL_RESULT __attribute__((returns_nonnull))
// A function for what seldom happens, called by one that each message passes: apart, or what it
// needs of registers and stack would be made ready each time.
#define OD_SELDOM __attribute__((noinline, cold))
#endif

// A bug in open-do when [condition] is false. One condition each, so that the panic is exact.
#define OD_ASSERT(condition)                                                                       \
    (__builtin_expect(!!(condition), 1) ? (void)0 : od_panic(__FILE__, __LINE__, "%s", #condition))

// The code can only get here through a bug in open-do.
#define OD_UNREACHABLE(why) od_panic(__FILE__, __LINE__, "unreachable: %s", why)

// Ends the process with a report on stderr.
OD_NORETURN void od_panic(const char *file, int line, const char *format, ...) OD_PRINTF(3, 4);

// Ends the process in order: [size] bytes of memory cannot be had, and nothing that was begun could
// be ended without them. A worker is replaced, and its sockets come back; when it is main, whoever
// started it is to start it anew. Prints what was running; exit code 70.
OD_NORETURN void od_out_of_memory(size_t size);

// Notes what runs now, for the report of a panic: [object] and [event] are static or outlive the
// event. NULL, NULL when nothing runs.
void od_check_running(const char *object, const char *event);

#endif
