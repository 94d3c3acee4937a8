// One person with a WebSocket, and all of them: what people.c and person.c share.
#ifndef BENCH_PEOPLE_H
#define BENCH_PEOPLE_H

#include "connection.h"
#include "histogram.h"

#include <stdbool.h>
#include <stdint.h>

enum state {
    STATE_ABSENT,
    STATE_SHAKING,
    STATE_OPEN
};

struct person {
    struct connection connection; // First: epoll's pointer is both.
    enum state state;
    long number;
    long sent, answered; // On this socket.
    long version;        // Of the last answer.
    int64_t sent_ns, due_ns;
    bool is_pausing;
    struct person *next; // In the queue of those who pause.
};

struct people {
    long sockets, objects, pause_ms;
    const char *host, *port;
    int epoll, commands;
    struct person *all;
    struct person *pausing, **pausing_end;
    bool is_resting, is_asking;
    bool says_resting, says_asked, says_joined;
    long waiting; // For an answer.
    long shaking, open, joined;
    long version, seen; // The one that was saved last, and how many talkers have heard from it.
    int64_t killed_ns;  // 0: nobody was, so none may be closed.
    long cut, wronged, wrong, answers, sent;
    int64_t now_ns;
    struct bytes in, out;
    struct histogram latency;
};

extern struct people crowd;

void read_clock(void); // Sets [crowd.now_ns].
void say(const char *what, long number,
         int64_t ns); // A line on standard output; 0: without a time.

bool person_talks(const struct person *person);
void person_enter(struct person *person); // Connects; ends the program when it cannot.
void person_send(struct person *person);  // The next message; the answer is due from here on.
void person_pause(struct person *person); // To send after the pause.
void person_wake(struct person *person, uint32_t events);
void people_talk(void); // Sends for all whose pause is over.

#endif
