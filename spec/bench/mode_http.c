#include "crowd.h"

// Each request goes to an object that no request went to before. The first ones, to objects with
// the numbers behind those of the run, are the warm-up.
#define WARM_SHARE 20

static long next_sequence;
static long answered;

static long warm_count(const struct crowd *crowd)
{
    return 1 + crowd->options->objects / WARM_SHARE;
}

static long object_of(const struct crowd *crowd, long sequence)
{
    long warm = warm_count(crowd);
    return sequence < warm ? crowd->options->objects + sequence : sequence - warm;
}

static void request_next(struct crowd *crowd, struct user *user)
{
    if (next_sequence == warm_count(crowd))
        crowd_measure(crowd);
    user->sequence = next_sequence++;
    if (user->sequence < warm_count(crowd) + crowd->options->objects)
        user_request(user, crowd, object_of(crowd, user->sequence));
}

static void begin(struct crowd *crowd)
{
    for (long i = 0; i < crowd->options->sockets && crowd->phase != PHASE_DONE; i++) {
        struct user *user = &crowd->users[i];
        request_next(crowd, user);
        if (!connection_write(&user->connection, &crowd->out, crowd->epoll))
            crowd_fail(crowd, user, "cannot send");
    }
}

// An answer of the warm-up that arrives while measuring is not one of the run.
static bool answer(struct crowd *crowd, struct user *user, const uint8_t *data, size_t length)
{
    (void)data;
    int64_t sent_ns = user_take_sent_ns(user, crowd);
    if (length == 0)
        return false;
    if (user->sequence < warm_count(crowd)) {
        crowd->total++;
    } else {
        crowd_count(crowd, sent_ns);
        answered++;
    }
    request_next(crowd, user);
    if (answered == crowd->options->objects)
        crowd_finish(crowd);
    return true;
}

const struct mode mode_http = {
    .name = "http", .upgrades = false, .clocked = false, .begin = begin, .answer = answer};
