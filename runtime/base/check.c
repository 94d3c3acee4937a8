#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

static struct {
    const char *object;
    const char *event;
} running;

void od_check_running(const char *object, const char *event)
{
    running.object = object;
    running.event = event;
}

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
    ssize_t written = write(STDERR_FILENO, line, shown);
    (void)written;
    _exit(exit_code);
}

void od_panic(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "open-do: panic in process %d at %s:%d: ", (int)getpid(), file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n  this is a bug in open-do, not in the script\n");
    if (running.object != NULL)
        fprintf(stderr, "  running: %s %s\n", running.object, running.event ? running.event : "");
    od_log_print_last(stderr);
    fflush(stderr);
    abort();
}
