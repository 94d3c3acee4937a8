#include "options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One row an option; the help is printed from the same table.
static const struct row {
    const char *name;
    double fallback, low, high;
    size_t whole;    // Where a whole number goes,
    size_t fraction; // or one with a fraction.
    const char *help;
} rows[] = {
    {"sockets", 50, 1, 19000, offsetof(struct options, sockets), 0, "connections, one a user"},
    {"objects", 1, 1, 1000000, offsetof(struct options, objects), 0,
     "objects that the sockets are spread over, or that http touches"},
    {"depth", 1, 1, 1024, offsetof(struct options, depth), 0, "messages in flight a sender"},
    {"size", 64, 1, 1 << 20, offsetof(struct options, size_bytes), 0, "bytes a message"},
    {"seconds", 5, 0.1, 600, 0, offsetof(struct options, seconds), "how long is measured"},
    {"warm", 1, 0, 60, 0, offsetof(struct options, warm_seconds), "how long is warmed up before"},
    {"answers", 0, 0, 1000000000, offsetof(struct options, answers), 0,
     "how many answers end a run of echo or put; 0: its time does"},
    {"open", 60, 1, 600, 0, offsetof(struct options, open_seconds), "how long opening may take"},
};

#define ROWS (sizeof rows / sizeof rows[0])

static bool usage(const char *wrong)
{
    fprintf(stderr,
            "load: %s\n"
            "usage: load echo|put|broadcast|listeners|http|file|connect|visit|idle [options] URL\n"
            "  URL is ws://127.0.0.1:PORT/PATH, http:// without WebSockets, wss:// and https:// by "
            "TLS; %%d in it is the "
            "object's number\n",
            wrong);
    for (size_t i = 0; i < ROWS; i++)
        fprintf(stderr, "  --%-8s %s (%g)\n", rows[i].name, rows[i].help, rows[i].fallback);
    return false;
}

static bool set(struct options *options, const struct row *row, double value)
{
    if (!(value >= row->low && value <= row->high))
        return false;
    if (row->fraction)
        *(double *)(void *)((char *)options + row->fraction) = value;
    else
        *(long *)(void *)((char *)options + row->whole) = (long)value;
    return true;
}

// Cuts [url] into its parts, in place.
static bool split_url(struct options *options, char *url)
{
    char *host = strstr(url, "://");
    char *port = host ? strchr(host + 3, ':') : NULL;
    char *path = port ? strchr(port, '/') : NULL;
    if (!path)
        return false;
    options->is_secure = strncmp(url, "wss:", 4) == 0 || strncmp(url, "https:", 6) == 0;
    options->host = host + 3;
    options->port = port + 1;
    options->path = strdup(path);
    *port = *path = '\0';
    return options->path != NULL;
}

static bool parse_flags(struct options *options, int count, char **arguments)
{
    struct option table[ROWS + 1] = {0};
    for (size_t i = 0; i < ROWS; i++)
        table[i] = (struct option){rows[i].name, required_argument, NULL, (int)i};
    int found;
    while ((found = getopt_long(count, arguments, "", table, NULL)) != -1) {
        char *end = optarg;
        if (found == '?')
            return usage("unknown option");
        if (!set(options, &rows[found], strtod(optarg, &end)) || *end)
            return usage("a value is no number or out of range");
    }
    return true;
}

bool options_parse(struct options *options, int count, char **arguments)
{
    *options = (struct options){0};
    for (size_t i = 0; i < ROWS; i++)
        set(options, &rows[i], rows[i].fallback);
    if (!parse_flags(options, count, arguments))
        return false;
    if (count - optind != 2)
        return usage("a mode and a URL are needed");
    options->mode = arguments[optind];
    return split_url(options, arguments[optind + 1]) || usage("the URL has no port or no path");
}
