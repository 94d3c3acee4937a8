#include "crowd.h"

#include <stdlib.h>

// For each message in flight, how many users have still to receive it. A socket keeps its order, so
// the n-th message a user receives is the n-th that was sent.
static long *missing;

static struct user *sender(struct crowd *crowd)
{
    return &crowd->users[0];
}

static bool send_messages(struct crowd *crowd, long count)
{
    uint64_t depth = (uint64_t)crowd->options->depth;
    for (long i = 0; i < count; i++)
        missing[(sender(crowd)->sent + (uint64_t)i) % depth] = crowd->options->sockets;
    return user_post(sender(crowd), crowd, count);
}

static void begin(struct crowd *crowd)
{
    missing = calloc((size_t)crowd->options->depth, sizeof *missing);
    if (!missing)
        abort();
    if (!send_messages(crowd, crowd->options->depth))
        crowd_fail(crowd, sender(crowd), "cannot send");
}

// The sender goes on when the slowest user has the message: the window never runs away.
static bool answer(struct crowd *crowd, struct user *user, const uint8_t *data, size_t length)
{
    (void)data;
    uint64_t place = user->received++ % (uint64_t)crowd->options->depth;
    if (length != crowd->text.length)
        return false;
    crowd_count(crowd, sender(crowd)->sent_ns[place]);
    if (--missing[place] > 0)
        return true;
    return send_messages(crowd, 1);
}

const struct mode mode_broadcast = {
    .name = "broadcast", .upgrades = true, .clocked = true, .begin = begin, .answer = answer};

const struct mode mode_listeners = {.name = "listeners",
                                    .upgrades = true,
                                    .clocked = true,
                                    .listens = true,
                                    .begin = begin,
                                    .answer = answer};
