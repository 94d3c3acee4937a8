#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/log_sink.h"

static struct {
    const char *object;
    const char *event;
} running;

void od_check_running(const char *object, const char *event)
{
    running.object = object;
    running.event = event;
}

struct report {
    size_t size;
    char text[16384];
};

// Without stdio's buffers and the log, which would ask for memory.
void od_out_of_memory(size_t size)
{
    enum {
        exit_code = 70, // EX_SOFTWARE of sysexits.h.
    };
    char line[400];
    int length = snprintf(
        line, sizeof line,
        "open-do: out of memory: process %d cannot have %zu bytes more%s%s; it ends. Give the "
        "machine or its limits (ulimit -v, MemoryMax) more memory, or the program less to do\n",
        (int)getpid(), size, running.object != NULL ? ", running " : "",
        running.object != NULL ? running.object : "");
    size_t shown = length < (int)sizeof line ? (size_t)length : sizeof line - 1;
    (void)od_log_sink_write((od_slice){line, shown}, OD_LOG_LAST_WORDS_MS);
    _exit(exit_code);
}

static void put(struct report *report, const char *format, ...) OD_PRINTF(2, 3);

static void put_list(struct report *report, const char *format, va_list arguments)
{
    size_t room = sizeof report->text - report->size;
    int size = vsnprintf(report->text + report->size, room, format, arguments);
    if (size > 0)
        report->size += (size_t)size < room ? (size_t)size : room - 1;
}

static void put(struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_list(report, format, arguments);
    va_end(arguments);
}

// Gathered first: whoever should read it may sleep, and that is not waited for long.
void od_panic(const char *file, int line, const char *format, ...)
{
    static struct report report; // The stack may be what is wrong.
    va_list arguments;
    put(&report, "open-do: panic in process %d at %s:%d: ", (int)getpid(), file, line);
    va_start(arguments, format);
    put_list(&report, format, arguments);
    va_end(arguments);
    put(&report, "\n  this is a bug in open-do, not in the script\n");
    if (running.object != NULL)
        put(&report, "  running: %s %s\n", running.object, running.event ? running.event : "");
    put(&report, "  last log lines:\n");
    report.size += od_log_put_last(report.text + report.size, sizeof report.text - report.size);
    (void)od_log_sink_write((od_slice){report.text, report.size}, OD_LOG_LAST_WORDS_MS);
    abort();
}
