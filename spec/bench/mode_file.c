#include "crowd.h"

static void begin(struct crowd *crowd)
{
    for (long i = 0; i < crowd->options->sockets && crowd->phase != PHASE_DONE; i++) {
        struct user *user = &crowd->users[i];
        user_request(user, crowd, user->number % crowd->options->objects);
        if (!connection_write(&user->connection, &crowd->out, crowd->epoll))
            crowd_fail(crowd, user, "cannot send");
    }
}

// All of the body has come, and [length] says how much that is.
static bool answer(struct crowd *crowd, struct user *user, const uint8_t *data, size_t length)
{
    (void)data;
    if (length != (size_t)crowd->options->size_bytes)
        return false;
    crowd_count(crowd, user_take_sent_ns(user, crowd));
    user_request(user, crowd, user->number % crowd->options->objects);
    return true;
}

const struct mode mode_file = {
    .name = "file", .upgrades = false, .clocked = true, .begin = begin, .answer = answer};
