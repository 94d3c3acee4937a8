// The load program: many simulated users, each with one connection, and how long they wait.
//
//   load echo --sockets 50 --objects 50 --depth 8 --seconds 3 'ws://127.0.0.1:8787/echo/%d'
//
// It prints one line of key=value pairs (idle mode: "ready" before it). Exit code 0: every answer
// was the right one; 1: something failed, stderr says what; 2: the command line was wrong.
//
// Reading order: crowd.h (a run and its phases), user.h (one connection), mode.h and the mode_
// files (what users do).

#include "crowd.h"

#include <stdio.h>
#include <string.h>

static const struct mode *const modes[] = {&mode_echo,      &mode_put,   &mode_broadcast,
                                           &mode_listeners, &mode_http,  &mode_file,
                                           &mode_connect,   &mode_visit, &mode_idle};

const struct mode *mode_find(const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(modes[i]->name, name) == 0)
            return modes[i];
    return NULL;
}

static void report_latency(const struct histogram *latency)
{
    static const struct {
        const char *name;
        double share;
    } wanted[] = {{"p50_us", 0.5}, {"p90_us", 0.9}, {"p99_us", 0.99}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        printf(" %s=%.1f", wanted[i].name,
               (double)histogram_percentile(latency, wanted[i].share) / 1e3);
    printf(" max_us=%.1f", (double)latency->max / 1e3);
}

// `total` counts the warm-up too: whoever measures the server's own use of time from outside sees
// that part of it as well. `load_busy` is the share of one core that this program used itself; near
// 1 it is the limit that was measured, not the server.
static void report(const struct crowd *crowd)
{
    const struct options *options = crowd->options;
    double seconds = (double)(crowd->measure_ended_ns - crowd->measure_began_ns) / 1e9;
    if (crowd->measure_began_ns == 0)
        seconds = 0;
    double busy = seconds > 0 ? crowd->load_cpu_seconds / seconds : 0;
    printf("mode=%s sockets=%ld objects=%ld depth=%ld size=%ld", crowd->mode->name,
           options->sockets, options->objects, options->depth, options->size_bytes);
    printf(" seconds=%.3f messages=%llu total=%llu per_second=%.1f", seconds,
           (unsigned long long)crowd->measured, (unsigned long long)crowd->total,
           seconds > 0 ? (double)crowd->measured / seconds : 0);
    report_latency(&crowd->latency);
    printf(" load_busy=%.3f load_cpu_seconds=%.2f errors=%llu\n", busy, crowd_cpu_seconds(),
           (unsigned long long)crowd->errors);
}

int main(int count, char **arguments)
{
    static struct options options;
    static struct crowd crowd;
    if (!options_parse(&options, count, arguments))
        return 2;
    const struct mode *mode = mode_find(options.mode);
    if (!mode) {
        fprintf(stderr, "load: there is no mode %s; see load without arguments\n", options.mode);
        return 2;
    }
    bool good = crowd_run(&crowd, &options, mode);
    report(&crowd);
    return good ? 0 : 1;
}
