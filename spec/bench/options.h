// What the load program is asked to do, from its command line.
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>

struct options {
    const char *mode;
    const char *host; // From the URL: an IPv4 address.
    const char *port;
    bool is_secure;   // TLS.
    const char *path; // Template: %d stands for the number of an object.
    long sockets;
    long objects;
    long depth;
    long size_bytes;
    long answers; // 0: the time ends the run.
    double seconds;
    double warm_seconds;
    double open_seconds;
};

// False: the command line was wrong, and stderr says how it is right.
bool options_parse(struct options *options, int count, char **arguments);

#endif
