#include "crowd.h"

#include <string.h>

// Each user asks for one thing over a connection of its own, closes it, and comes back. What is
// counted is from the first packet of the connection to the answer.
static void begin(struct crowd *crowd)
{
    for (long i = 0; i < crowd->options->sockets && crowd->phase != PHASE_DONE; i++) {
        struct user *user = &crowd->users[i];
        crowd->mode->opened(crowd, user);
        if (!connection_write(&user->connection, &crowd->out, crowd->epoll))
            crowd_fail(crowd, user, "cannot send");
    }
}

static bool come_back(struct crowd *crowd, struct user *user)
{
    (void)user_take_sent_ns(user, crowd);
    crowd_count(crowd, user->dialled_ns);
    connection_deinit(&user->connection);
    return crowd->phase == PHASE_DONE || user_open(user, crowd);
}

static bool connect_answer(struct crowd *crowd, struct user *user, const uint8_t *data,
                           size_t length)
{
    return length == crowd->text.length && memcmp(data, crowd->text.data, length) == 0 &&
           come_back(crowd, user);
}

static bool visit_answer(struct crowd *crowd, struct user *user, const uint8_t *data, size_t length)
{
    (void)data;
    return length > 0 && come_back(crowd, user);
}

static void connect_opened(struct crowd *crowd, struct user *user)
{
    user_queue(user, crowd);
}

static void visit_opened(struct crowd *crowd, struct user *user)
{
    user_request(user, crowd, user->number % crowd->options->objects);
}

const struct mode mode_connect = {.name = "connect",
                                  .upgrades = true,
                                  .clocked = true,
                                  .comes_back = true,
                                  .begin = begin,
                                  .opened = connect_opened,
                                  .answer = connect_answer};

const struct mode mode_visit = {.name = "visit",
                                .upgrades = false,
                                .clocked = true,
                                .comes_back = true,
                                .begin = begin,
                                .opened = visit_opened,
                                .answer = visit_answer};
