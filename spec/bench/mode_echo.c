#include "crowd.h"

#include <string.h>

// Every user keeps its messages in flight: each answer is followed by the next message, and the
// answers of one read by one write.
static void begin(struct crowd *crowd)
{
    const struct options *options = crowd->options;
    for (long i = 0; i < options->sockets; i++)
        if (!user_post(&crowd->users[i], crowd, options->depth))
            crowd_fail(crowd, &crowd->users[i], "cannot send");
}

static bool put_answer(struct crowd *crowd, struct user *user, const uint8_t *data, size_t length)
{
    (void)data;
    (void)length;
    crowd_count(crowd, user_take_sent_ns(user, crowd));
    user_queue(user, crowd);
    return true;
}

static bool echo_answer(struct crowd *crowd, struct user *user, const uint8_t *data, size_t length)
{
    if (length != crowd->text.length || memcmp(data, crowd->text.data, length) != 0)
        return false;
    return put_answer(crowd, user, data, length);
}

const struct mode mode_echo = {
    .name = "echo", .upgrades = true, .clocked = true, .begin = begin, .answer = echo_answer};

// Numbered, because a store may notice that a value is the one it has and then write nothing:
// SQLite does, and workerd looked several times as fast.
const struct mode mode_put = {.name = "put",
                              .upgrades = true,
                              .clocked = true,
                              .numbered = true,
                              .begin = begin,
                              .answer = put_answer};
