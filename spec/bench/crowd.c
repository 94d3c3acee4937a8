#include "crowd.h"

#include "frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_WAIT 256

// Handshakes under way at once: enough to keep the server busy, less than a listen queue holds.
#define SHAKING_MAX 128

#define NS_PER_SECOND 1e9

void crowd_read_clock(struct crowd *crowd)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    crowd->now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

double crowd_cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void enter_phase(struct crowd *crowd, enum phase phase, double seconds)
{
    crowd_read_clock(crowd);
    crowd->phase = phase;
    crowd->phase_ends_ns = crowd->now_ns + (int64_t)(seconds * NS_PER_SECOND);
}

void crowd_measure(struct crowd *crowd)
{
    histogram_reset(&crowd->latency);
    crowd->measured = 0;
    crowd->load_cpu_seconds = -crowd_cpu_seconds();
    enter_phase(crowd, PHASE_MEASURING, crowd->options->seconds);
    crowd->measure_began_ns = crowd->now_ns;
}

void crowd_finish(struct crowd *crowd)
{
    if (crowd->phase == PHASE_DONE)
        return;
    crowd->load_cpu_seconds += crowd_cpu_seconds();
    enter_phase(crowd, PHASE_DONE, 0);
    crowd->measure_ended_ns = crowd->now_ns;
}

void crowd_fail(struct crowd *crowd, const struct user *user, const char *why)
{
    fprintf(stderr, "load: %s, user %ld: %s\n", crowd->mode->name, user->number, why);
    crowd->errors++;
    crowd_finish(crowd);
}

void crowd_count(struct crowd *crowd, int64_t sent_ns)
{
    crowd->total++;
    if (crowd->total == (uint64_t)crowd->options->answers)
        crowd_finish(crowd);
    if (crowd->phase != PHASE_MEASURING)
        return;
    crowd->measured++;
    histogram_add(&crowd->latency, (uint64_t)(crowd->now_ns - sent_ns));
}

void crowd_user_ready(struct crowd *crowd, struct user *user)
{
    if (crowd->phase == PHASE_OPENING)
        crowd->ready++;
    else
        crowd->mode->opened(crowd, user);
}

static void wake(struct crowd *crowd, struct user *user, uint32_t events)
{
    const char *why =
        user->state == USER_SHAKING ? "the handshake failed" : "closed, or not the answer expected";
    crowd->out.length = 0;
    if (user_wake(user, crowd, events))
        return;
    user->state = USER_GONE;
    connection_deinit(&user->connection);
    crowd_fail(crowd, user, why);
}

// Standard input is watched in idle mode only: its end is the end of the run.
static void read_stdin(struct crowd *crowd)
{
    char some[256];
    if (read(STDIN_FILENO, some, sizeof some) <= 0)
        crowd_finish(crowd);
}

static void turn(struct crowd *crowd)
{
    struct epoll_event events[EVENTS_A_WAIT];
    int count = epoll_wait(crowd->epoll, events, EVENTS_A_WAIT, 10);
    for (int i = 0; i < count && crowd->phase != PHASE_DONE; i++) {
        if (events[i].data.ptr)
            wake(crowd, events[i].data.ptr, events[i].events);
        else
            read_stdin(crowd);
    }
    crowd_read_clock(crowd);
}

static void open_more(struct crowd *crowd)
{
    while (crowd->opened < crowd->options->sockets && crowd->opened - crowd->ready < SHAKING_MAX &&
           crowd->phase != PHASE_DONE) {
        struct user *user = &crowd->users[crowd->opened++];
        if (!user_open(user, crowd))
            crowd_fail(crowd, user, "no connection");
    }
}

// The warm-up of a mode without clock lasts as long as it likes, within the time of the run.
static void begin(struct crowd *crowd)
{
    const struct options *options = crowd->options;
    enter_phase(crowd, PHASE_WARMING,
                crowd->mode->clocked ? options->warm_seconds : options->seconds);
    crowd->mode->begin(crowd);
}

static void advance(struct crowd *crowd)
{
    bool late = crowd->now_ns >= crowd->phase_ends_ns;
    if (crowd->phase == PHASE_OPENING && crowd->ready == crowd->options->sockets)
        begin(crowd);
    else if (crowd->phase == PHASE_OPENING && late)
        crowd_fail(crowd, &crowd->users[crowd->ready], "opening took too long");
    else if (crowd->phase == PHASE_WARMING && late)
        crowd_measure(crowd);
    else if (crowd->phase == PHASE_MEASURING && late)
        crowd_finish(crowd);
}

static void make_message(struct crowd *crowd)
{
    size_t size = (size_t)crowd->options->size_bytes;
    bytes_reserve(&crowd->text, size);
    for (size_t i = 0; i < size; i++)
        crowd->text.data[i] = (uint8_t)('a' + i % 26);
    crowd->text.length = size;
    frame_append(&crowd->message, FRAME_TEXT, crowd->text.data, size, true);
}

static void make_users(struct crowd *crowd)
{
    size_t count = (size_t)crowd->options->sockets;
    size_t depth = (size_t)crowd->options->depth;
    crowd->users = calloc(count, sizeof *crowd->users);
    int64_t *stamps = calloc(count * depth, sizeof *stamps);
    if (!crowd->users || !stamps)
        abort();
    for (size_t i = 0; i < count; i++) {
        crowd->users[i].number = (long)i;
        crowd->users[i].sent_ns = stamps + i * depth;
    }
}

bool crowd_run(struct crowd *crowd, const struct options *options, const struct mode *mode)
{
    *crowd = (struct crowd){.options = options, .mode = mode};
    crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
    make_message(crowd);
    make_users(crowd);
    enter_phase(crowd, PHASE_OPENING, options->open_seconds);
    while (crowd->phase != PHASE_DONE) {
        open_more(crowd);
        turn(crowd);
        advance(crowd);
    }
    return crowd->errors == 0;
}
