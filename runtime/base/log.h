// The log: one line an occasion, on stderr, for a person (text) or a machine (JSON).
//
// A line is written with one system call, so lines of several processes do not mix. An error is
// logged once, where it is dealt with. The last lines are also kept in memory for the report of a
// panic.
//
// Nobody waits for the log: what whoever reads it has no room for (log_sink.h), and what a process
// says beyond a rate (OD_LOG_BYTES_PER_SECOND), is dropped and counted, and a later line says how
// much it was.
//
// Thread: the loop's only; other threads hand their errors to it.

#ifndef OD_BASE_LOG_H
#define OD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/slice.h"

enum od_log_level {
    OD_LOG_DEBUG,
    OD_LOG_INFO,
    OD_LOG_WARN,
    OD_LOG_ERROR,
};

enum od_log_format {
    OD_LOG_TEXT, // 12:04:31.120 ERROR rooms/lobby  message; further lines are indented.
    OD_LOG_JSON, // {"time":"...Z","level":"error","object":"rooms/lobby","message":"...", fields}
};

void od_log_setup(enum od_log_format format, enum od_log_level level);
void od_log_use_colours(bool is_on); // For text, on a terminal.
bool od_log_is_on(enum od_log_level level);

// [object] is "namespace/name" or NULL. Every text may hold any bytes; control characters are
// escaped.
void od_log(enum od_log_level level, const char *object, const char *format, ...) OD_PRINTF(3, 4);
void od_log_slice(enum od_log_level level, od_slice object, od_slice message);

// With all there is to say. [shown] is put behind the message for people, who do not see the
// [fields] (log_field.h).
struct od_log_line {
    enum od_log_level level;
    od_slice object;
    od_slice message;
    od_slice shown;
    od_slice fields;
};

void od_log_put(const struct od_log_line *line);

// The same for a request that was answered, "GET /rooms/a 200 0.4 ms": [what] was asked, and
// [status], which has a colour by its class.
void od_log_request(const char *object, od_slice what, unsigned status, double ms, od_slice fields);

// Calls [heard] for each line from now on that this process writes, as JSON; NULL: no more. It must
// not log anything itself.
void od_log_listen(void (*heard)(void *owner, od_slice line), void *owner);

// Puts the last lines of this process as JSON, each with its line break: as many as fit into
// OD_LOG_RECENT_BYTES.
void od_log_put_recent(struct od_bytes *lines);

// "debug", "info", "warn" or "error"; false for anything else.
bool od_log_level_parse(const char *text, enum od_log_level *level);

// Says what was dropped, if it is time for that; for each turn of a loop. At the [end] of a process
// it is time.
void od_log_settle(bool at_end);

// Puts the last lines of this process into [text]; returns how many bytes.
size_t od_log_put_last(char *text, size_t room);

#endif
