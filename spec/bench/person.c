// One person: what is sent and heard on one socket, and what is wrong about it.
#define _GNU_SOURCE
#include "people.h"

#include "frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#define CONNECT_SECONDS 5

bool person_talks(const struct person *person)
{
    return person->number % 2 == 0;
}

static long talkers(void)
{
    return (crowd.sockets + 1) / 2;
}

static void complain(const struct person *person, const char *what, const char *text, size_t length)
{
    if (crowd.wrong++ + crowd.wronged < 20)
        fprintf(stderr, "people: socket %ld after %ld answers: %s: %.*s\n", person->number,
                person->answered, what, (int)length, text);
}

// --- Talking
// ---------------------------------------------------------------------------------------

static void leave(struct person *person)
{
    bool was_waiting = person->sent > person->answered;
    bool was_owed = was_waiting && (crowd.killed_ns == 0 || person->sent_ns < crowd.killed_ns);
    connection_deinit(&person->connection);
    crowd.waiting -= was_waiting;
    crowd.open -= person->state == STATE_OPEN;
    crowd.shaking -= person->state == STATE_SHAKING;
    person->state = STATE_ABSENT;
    if (crowd.killed_ns != 0 && was_owed)
        crowd.cut++;
    else if (crowd.wronged++ < 20)
        fprintf(stderr, "people: socket %ld was closed after %ld of %ld answers\n", person->number,
                person->answered, person->sent);
}

void person_send(struct person *person)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%ld", ++person->sent);
    person->sent_ns = crowd.now_ns;
    crowd.sent++;
    crowd.waiting++;
    crowd.out.length = 0;
    frame_append(&crowd.out, FRAME_TEXT, text, (size_t)length, true);
    if (!connection_write(&person->connection, &crowd.out, crowd.epoll))
        leave(person);
}

void person_pause(struct person *person)
{
    if (person->is_pausing)
        return;
    person->is_pausing = true;
    person->due_ns = crowd.now_ns + crowd.pause_ms * 1000000;
    person->next = NULL;
    *crowd.pausing_end = person;
    crowd.pausing_end = &person->next;
}

// All pause for the same time, so the first in the queue is the next.
void people_talk(void)
{
    while (crowd.pausing && crowd.pausing->due_ns <= crowd.now_ns) {
        struct person *person = crowd.pausing;
        crowd.pausing = person->next;
        person->is_pausing = false;
        if (!crowd.pausing)
            crowd.pausing_end = &crowd.pausing;
        if (person->state == STATE_OPEN && !crowd.is_resting && person->sent == person->answered)
            person_send(person);
    }
}

static void note_version(struct person *person, long version)
{
    if (version < person->version)
        complain(person, "an answer of older code", "", 0);
    if (version >= crowd.version && person->version < crowd.version && person_talks(person)) {
        if (crowd.seen++ == 0)
            say("first", crowd.version, crowd.now_ns);
        if (crowd.seen == talkers())
            say("all", crowd.version, crowd.now_ns);
    }
    person->version = version;
}

static void hear(struct person *person, const char *text, size_t length)
{
    long number, count, echo, version;
    char line[128];
    snprintf(line, sizeof line, "%.*s", (int)length, text);
    if (sscanf(line, "%ld %ld %ld %ld", &number, &count, &echo, &version) != 4 ||
        number != person->number || count != person->answered + 1 || echo != person->answered + 1 ||
        person->answered == person->sent) {
        complain(person, "not the answer", text, length);
        return;
    }
    person->answered++;
    crowd.answers++;
    crowd.waiting--;
    histogram_add(&crowd.latency, (uint64_t)(crowd.now_ns - person->sent_ns));
    note_version(person, version);
    if (person_talks(person) && !crowd.is_resting)
        person_pause(person);
}

// --- One socket
// ------------------------------------------------------------------------------------

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)strtoul(crowd.port, NULL, 10));
    inet_pton(AF_INET, crowd.host, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = CONNECT_SECONDS};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    perror("people: connect");
    exit(1);
}

void person_enter(struct person *person)
{
    char head[512];
    person->sent = person->answered = 0;
    person->state = STATE_SHAKING;
    crowd.shaking++;
    connection_init(&person->connection, dial(), crowd.epoll);
    int length = snprintf(head, sizeof head,
                          "GET /rooms/%ld?number=%ld HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                          person->number % crowd.objects, person->number);
    crowd.out.length = 0;
    bytes_append(&crowd.out, head, (size_t)length);
    if (!connection_write(&person->connection, &crowd.out, crowd.epoll))
        exit(1);
}

static size_t take_handshake(struct person *person, const uint8_t *data, size_t length)
{
    const uint8_t *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (strncmp((const char *)data, "HTTP/1.1 101 ", 13) != 0) {
        fprintf(stderr, "people: no handshake: %.*s\n", (int)length, (const char *)data);
        exit(1);
    }
    person->state = STATE_OPEN;
    crowd.shaking--;
    crowd.open++;
    if (person_talks(person) && !crowd.is_resting)
        person_pause(person);
    return (size_t)(end - data) + 4;
}

// 0: not whole yet. A Close ends the person's part in it.
static size_t take_frame(struct person *person, uint8_t *data, size_t length)
{
    struct frame frame;
    if (frame_read(data, length, &frame) != FRAME_WHOLE)
        return 0;
    if (frame.opcode == FRAME_CLOSE)
        leave(person);
    else if (frame.opcode == FRAME_PING)
        frame_append(&crowd.out, FRAME_PONG, frame.payload, frame.length, true);
    else
        hear(person, (const char *)frame.payload, frame.length);
    return frame.wire_length;
}

void person_wake(struct person *person, uint32_t events)
{
    size_t at = 0, taken = 1;
    if ((events & EPOLLOUT) && !connection_flush(&person->connection, crowd.epoll))
        return;
    if (!connection_read(&person->connection, &crowd.in)) {
        leave(person);
        return;
    }
    crowd.out.length = 0;
    while (taken > 0 && at < crowd.in.length && person->state != STATE_ABSENT) {
        uint8_t *data = crowd.in.data + at;
        size_t length = crowd.in.length - at;
        taken = person->state == STATE_SHAKING ? take_handshake(person, data, length)
                                               : take_frame(person, data, length);
        at += taken;
    }
    if (person->state == STATE_ABSENT)
        return;
    connection_keep(&person->connection, &crowd.in, at);
    if (crowd.out.length > 0 && !connection_write(&person->connection, &crowd.out, crowd.epoll))
        leave(person);
}
