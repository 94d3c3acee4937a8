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
