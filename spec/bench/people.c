// People with open WebSockets, half of whom talk: the witnesses of spec/bench/alive.
//
//   people SOCKETS OBJECTS PAUSE_MS COMMANDS 127.0.0.1 PORT
//
// A talker sends a message, hears the answer, pauses, and sends the next; the others are silent.
// Each message is the number of messages sent on its socket so far, and each answer
// (objects/alive.lua) says who was asked, how many messages that socket has brought by the count in
// its attachment, what was asked, and the version that answers. So every answer shows whether one
// was lost, came twice or came from older code than the one before.
//
// Whoever started it writes commands into the FIFO COMMANDS, one a line, and reads what came of
// them on standard output:
//
//   save N   the script will be saved as version N  -> "first N NS" at the first answer of N or
//   later,
//                                                      "all N NS" when every talker has had one
//   rest     talkers fall silent       -> "resting SENT" when nobody waits for an answer any more
//   talk     they go on
//   ask      everybody sends one more  -> "asked OPEN" when all who are still there were answered
//   killed   a worker was killed: from now on sockets may close, if an answer is due since before
//   join     those who were closed come back -> "joined COUNT"
//   count    -> "count cut=.. wronged=.. wrong=.. answers=.. p50_us=.. p99_us=.. max_us=.."
//
// *cut* were closed with an answer due, *wronged* without one: they were idle. *wrong* answers were
// lost, doubled, or of older code. Times are of CLOCK_MONOTONIC, in nanoseconds. The program ends
// when it is told to by a signal, or with the one that started it.
#define _GNU_SOURCE
#include "people.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_WAIT 256
#define SHAKING_MAX 64

struct people crowd = {.pausing_end = &crowd.pausing};

void read_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    crowd.now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void say(const char *what, long number, int64_t ns)
{
    if (ns > 0)
        printf("%s %ld %lld\n", what, number, (long long)ns);
    else
        printf("%s %ld\n", what, number);
    fflush(stdout);
}

// --- Commands
// --------------------------------------------------------------------------------------

static void command_save(long version)
{
    crowd.version = version;
    crowd.seen = 0;
    for (long i = 0; i < crowd.sockets; i++)
        crowd.seen += person_talks(&crowd.all[i]) && crowd.all[i].version >= version;
}

static void command_rest(long unused)
{
    (void)unused;
    crowd.is_resting = crowd.says_resting = true;
}

static void command_talk(long unused)
{
    (void)unused;
    crowd.is_resting = false;
    for (long i = 0; i < crowd.sockets; i++)
        if (crowd.all[i].state == STATE_OPEN && person_talks(&crowd.all[i]))
            person_pause(&crowd.all[i]);
}

static void command_ask(long unused)
{
    (void)unused;
    crowd.says_asked = true;
    for (long i = 0; i < crowd.sockets; i++)
        if (crowd.all[i].state == STATE_OPEN && crowd.all[i].sent == crowd.all[i].answered)
            person_send(&crowd.all[i]);
}

static void command_killed(long unused)
{
    (void)unused;
    crowd.killed_ns = crowd.now_ns;
}

static void command_join(long unused)
{
    (void)unused;
    crowd.joined = 0;
    crowd.says_joined = true;
}

static void command_count(long unused)
{
    (void)unused;
    const struct histogram *latency = &crowd.latency;
    printf("count cut=%ld wronged=%ld wrong=%ld answers=%ld p50_us=%.0f p99_us=%.0f max_us=%.0f\n",
           crowd.cut, crowd.wronged, crowd.wrong, crowd.answers,
           (double)histogram_percentile(latency, 0.5) / 1e3,
           (double)histogram_percentile(latency, 0.99) / 1e3, (double)latency->max / 1e3);
    fflush(stdout);
    crowd.cut = crowd.wronged = crowd.wrong = crowd.answers = 0;
    crowd.killed_ns = 0;
    histogram_reset(&crowd.latency);
}

static const struct {
    const char *name;
    void (*run)(long argument);
} commands[] = {{"save", command_save},  {"rest", command_rest},     {"talk", command_talk},
                {"ask", command_ask},    {"killed", command_killed}, {"join", command_join},
                {"count", command_count}};

// Commands are short and one at a time; the kernel hands them over whole.
static void read_commands(void)
{
    char text[256], name[16], *line, *rest = text;
    ssize_t got = read(crowd.commands, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        long argument = 0;
        if (sscanf(line, "%15s %ld", name, &argument) < 1)
            continue;
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
            if (strcmp(commands[i].name, name) == 0)
                commands[i].run(argument);
    }
}

static void tell(bool *says, bool is_so, const char *what, long number)
{
    if (!*says || !is_so)
        return;
    *says = false;
    say(what, number, 0);
}

static void let_in(void)
{
    for (long i = 0; i < crowd.sockets && crowd.says_joined && crowd.shaking < SHAKING_MAX; i++) {
        if (crowd.all[i].state != STATE_ABSENT)
            continue;
        person_enter(&crowd.all[i]);
        crowd.joined++;
    }
    tell(&crowd.says_joined, crowd.open == crowd.sockets, "joined", crowd.joined);
}

static void turn(void)
{
    struct epoll_event events[EVENTS_A_WAIT];
    int count = epoll_wait(crowd.epoll, events, EVENTS_A_WAIT, crowd.pausing ? 1 : 20);
    for (int i = 0; i < count; i++) {
        read_clock();
        if (events[i].data.ptr)
            person_wake(events[i].data.ptr, events[i].events);
        else
            read_commands();
    }
    read_clock();
    people_talk();
    let_in();
    tell(&crowd.says_resting, crowd.is_resting && crowd.waiting == 0, "resting", crowd.sent);
    tell(&crowd.says_asked, crowd.waiting == 0, "asked", crowd.open);
}

int main(int count, char **arguments)
{
    if (count != 7) {
        fputs("usage: people SOCKETS OBJECTS PAUSE_MS COMMANDS HOST PORT\n", stderr);
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    crowd.sockets = strtol(arguments[1], NULL, 10);
    crowd.objects = strtol(arguments[2], NULL, 10);
    crowd.pause_ms = strtol(arguments[3], NULL, 10);
    crowd.commands = open(arguments[4], O_RDWR | O_CLOEXEC | O_NONBLOCK);
    crowd.host = arguments[5];
    crowd.port = arguments[6];
    crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
    crowd.all = calloc((size_t)crowd.sockets, sizeof *crowd.all);
    for (long i = 0; i < crowd.sockets; i++)
        crowd.all[i].number = i;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (!crowd.all || epoll_ctl(crowd.epoll, EPOLL_CTL_ADD, crowd.commands, &event) != 0)
        return 1;
    crowd.is_resting = crowd.says_joined = true;
    for (;;)
        turn();
}
