#include "crowd.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

// Says that all are there, so that whoever started the program can look at the server meanwhile.
// A standard input that epoll does not take (a file, /dev/null) has no end to wait for.
static void begin(struct crowd *crowd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    puts("ready");
    fflush(stdout);
    crowd_measure(crowd);
    if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
        crowd_finish(crowd);
}

// Nobody asked for anything.
static bool answer(struct crowd *crowd, struct user *user, const uint8_t *data, size_t length)
{
    (void)crowd;
    (void)user;
    (void)data;
    (void)length;
    return false;
}

const struct mode mode_idle = {
    .name = "idle", .upgrades = true, .clocked = false, .begin = begin, .answer = answer};
