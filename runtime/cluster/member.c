#include "cluster/member.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/thread.h"
#include "cluster/ballot.h"
#include "cluster/gift.h"
#include "cluster/holdings.h"
#include "cluster/news.h"
#include "cluster/postgres.h"
#include "cluster/sight.h"
#include "cluster/standing.h"

struct leaver {
    od_node_id id;
    uint64_t incarnation;
};

struct od_member {
    const struct od_member_events *events;
    void *owner;
    pthread_t thread;
    uv_async_t wake;
    struct od_cluster_node self;
    struct od_ballot ballot;

    pthread_mutex_t mutex; // For what follows, up to the next blank line.
    pthread_cond_t has_work;
    bool is_stopping, is_to_rise, is_to_leave;
    struct od_list news;
    struct od_gift gifts[OD_SLOT_COUNT];
    size_t gift_count;
    struct leaver leavers[OD_CLUSTER_NODES_MAX]; // Others that are to leave.
    size_t leaver_count;

    struct od_postgres postgres; // The thread's own, like the rest.
    bool is_away, is_fenced;
    bool has_risen;                    // The others know that it is up,
    bool is_leaving_cluster, has_left; // that it leaves; and main, that it has nothing.
    od_time_ms beaten_ms;
    struct od_sight sight;
    struct od_holdings holdings;
};

static void tell(void *owner, struct od_news *news)
{
    struct od_member *member = owner;
    pthread_mutex_lock(&member->mutex);
    od_list_push_back(&member->news, &news->link);
    pthread_mutex_unlock(&member->mutex);
    uv_async_send(&member->wake);
}

static void tell_why(struct od_member *member, enum od_news_kind kind, const char *why)
{
    struct od_news *news = od_news_new(kind);
    snprintf(news->why, sizeof news->why, "%s", why);
    tell(member, news);
}

static void on_wake(uv_async_t *wake)
{
    struct od_member *member = wake->data;
    struct od_list list, *link;
    od_list_init(&list);
    pthread_mutex_lock(&member->mutex);
    od_list_move_all(&list, &member->news);
    pthread_mutex_unlock(&member->mutex);
    while ((link = od_list_pop_front(&list)) != NULL) {
        struct od_news *news = OD_LIST_MEMBER(link, struct od_news, link);
        od_news_deliver(news, member->events, member->owner);
        od_news_free(news);
    }
}

// --- Beats ---------------------------------------------------------------------------------------

static bool fail(struct od_member *member)
{
    if (!member->is_away)
        tell_why(member, OD_NEWS_AWAY, member->postgres.why);
    member->is_away = true;
    od_sight_lose(&member->sight);
    od_postgres_disconnect(&member->postgres);
    return false;
}

static bool send_beat(struct od_member *member)
{
    od_time_ms now_ms = od_clock_monotonic_ms();
    bool is_there;
    if (od_standing_beat(&member->postgres, &member->self, &is_there) != OD_ANSWER_OK)
        return fail(member);
    member->is_away = false;
    if (!is_there) {
        member->is_fenced = true;
        tell_why(member, OD_NEWS_FENCED,
                 "the other nodes held it for dead, or another program has its name");
        return false;
    }
    member->beaten_ms = now_ms;
    struct od_news *news = od_news_new(OD_NEWS_ALIVE);
    news->run_ms = now_ms + OD_CLUSTER_RUN_MS;
    news->lease_ms = now_ms + OD_CLUSTER_LEASE_MS;
    tell(member, news);
    return true;
}

// --- Who is there --------------------------------------------------------------------------------

static void tell_nodes(struct od_member *member)
{
    struct od_news *news = od_news_new(OD_NEWS_NODES);
    struct od_cluster_node *list = od_allocate((member->sight.count + 1) * sizeof *list);
    news->count = od_sight_nodes(&member->sight, list);
    news->list = list;
    tell(member, news);
}

static bool look_at_nodes(struct od_member *member)
{
    if (od_sight_look(&member->sight, &member->postgres) != OD_ANSWER_OK)
        return fail(member);
    tell_nodes(member);
    return true;
}

// Behind a burial it looks again, so that what is free then is claimed at once.
static bool poll_nodes(struct od_member *member)
{
    bool has_buried;
    if (!look_at_nodes(member))
        return false;
    if (od_sight_bury(&member->sight, &member->postgres, member->self.id, &has_buried) !=
        OD_ANSWER_OK)
        return fail(member);
    return !has_buried || look_at_nodes(member);
}

static bool look_at_rest(struct od_member *member)
{
    struct od_cluster_node nodes[OD_CLUSTER_NODES_MAX];
    size_t count = od_sight_nodes(&member->sight, nodes);
    if (od_holdings_look(&member->holdings, &member->postgres, &member->sight, nodes, count) !=
        OD_ANSWER_OK)
        return fail(member);
    return od_ballot_look(&member->ballot, &member->postgres, nodes, count) || fail(member);
}

static bool look(struct od_member *member)
{
    if (!poll_nodes(member) || !look_at_rest(member))
        return false;
    tell(member, od_news_new(OD_NEWS_POLLED));
    return true;
}

// --- What it gives up ----------------------------------------------------------------------------

static void let_go(struct od_member *member, const struct od_gift *gifts, size_t count)
{
    pthread_mutex_lock(&member->mutex);
    OD_ASSERT(member->gift_count >= count);
    memmove(member->gifts, member->gifts + count,
            (member->gift_count - count) * sizeof *member->gifts);
    member->gift_count -= count;
    pthread_mutex_unlock(&member->mutex);
    for (size_t i = 0; i < count; i++)
        od_holdings_let_go(&member->holdings, gifts[i].slot);
}

static bool give_up(struct od_member *member)
{
    struct od_gift gifts[OD_SLOT_COUNT];
    pthread_mutex_lock(&member->mutex);
    size_t count = member->gift_count;
    memcpy(gifts, member->gifts, count * sizeof *gifts);
    pthread_mutex_unlock(&member->mutex);
    if (count == 0)
        return true;
    if (od_gifts_send(&member->postgres, &member->self, gifts, count) != OD_ANSWER_OK)
        return fail(member);
    let_go(member, gifts, count);
    return true;
}

// --- How it stands -------------------------------------------------------------------------------

static bool rise(struct od_member *member)
{
    if (od_standing_rise(&member->postgres, &member->self) != OD_ANSWER_OK)
        return fail(member);
    member->has_risen = true;
    return true;
}

static bool begin_to_leave(struct od_member *member)
{
    const struct od_cluster_node *self = &member->self;
    if (od_standing_leave(&member->postgres, self->id, self->incarnation) != OD_ANSWER_OK)
        return fail(member);
    member->is_leaving_cluster = true;
    return true;
}

static bool say_standing(struct od_member *member)
{
    pthread_mutex_lock(&member->mutex);
    bool rises = member->is_to_rise && !member->has_risen;
    bool leaves = member->is_to_leave && !member->is_leaving_cluster;
    pthread_mutex_unlock(&member->mutex);
    return (!rises || rise(member)) && (!leaves || begin_to_leave(member));
}

// Each sees it in its own row by its next look, and says so to its main.
static bool send_off(struct od_member *member)
{
    struct leaver leavers[OD_CLUSTER_NODES_MAX];
    pthread_mutex_lock(&member->mutex);
    size_t count = member->leaver_count;
    memcpy(leavers, member->leavers, count * sizeof *leavers);
    pthread_mutex_unlock(&member->mutex);
    for (size_t i = 0; i < count; i++) {
        if (od_standing_leave(&member->postgres, leavers[i].id, leavers[i].incarnation) !=
            OD_ANSWER_OK)
            return fail(member);
    }
    pthread_mutex_lock(&member->mutex);
    OD_ASSERT(member->leaver_count >= count);
    member->leaver_count -= count;
    memmove(member->leavers, member->leavers + count, member->leaver_count * sizeof *leavers);
    pthread_mutex_unlock(&member->mutex);
    return true;
}

// It has nothing any more, or there is nobody to have it.
static void look_whether_left(struct od_member *member)
{
    struct od_cluster_node nodes[OD_CLUSTER_NODES_MAX];
    size_t count = od_sight_nodes(&member->sight, nodes);
    bool is_done =
        member->holdings.owned_count == 0 || !od_placement_has_heirs(nodes, count, member->self.id);
    if (!member->is_leaving_cluster || member->has_left || !is_done)
        return;
    member->has_left = true;
    tell(member, od_news_new(OD_NEWS_LEFT));
}

// --- The thread ----------------------------------------------------------------------------------

// Until the next look, or until there is something to give up. False: it is over.
static bool wait(struct od_member *member)
{
    od_time_ms pause_ms =
        member->holdings.is_moving ? OD_CLUSTER_POLL_MOVING_MS : od_sight_pause_ms(&member->sight);
    pthread_mutex_lock(&member->mutex);
    bool has_work = member->gift_count > 0 || od_ballot_is_cast(&member->ballot) ||
                    (member->is_to_rise && !member->has_risen);
    if (!member->is_stopping && (!has_work || member->is_away))
        od_thread_wait_us(&member->has_work, &member->mutex, 1000 * pause_ms);
    bool goes_on = !member->is_stopping && !member->is_fenced;
    pthread_mutex_unlock(&member->mutex);
    return goes_on;
}

static void step(struct od_member *member)
{
    od_time_ms now_ms = od_clock_monotonic_ms();
    bool is_due = member->is_away || now_ms - member->beaten_ms >= OD_CLUSTER_BEAT_MS;
    if ((!is_due || send_beat(member)) && give_up(member) && !member->is_fenced &&
        say_standing(member) && send_off(member) && look(member))
        look_whether_left(member);
}

static void *run(void *argument)
{
    struct od_member *member = argument;
    member->beaten_ms = od_clock_monotonic_ms() - OD_CLUSTER_BEAT_MS;
    do
        step(member);
    while (wait(member));
    pthread_mutex_lock(&member->mutex);
    bool leaves = member->is_stopping;
    pthread_mutex_unlock(&member->mutex);
    if (leaves && !member->is_fenced)
        od_standing_end(&member->postgres, &member->self);
    od_postgres_disconnect(&member->postgres);
    return NULL;
}

static bool start_thread(struct od_member *member, struct od_error *err)
{
    errno = od_thread_start(&member->thread, run, member);
    return errno == 0 || od_error_errno(err, "cannot start the cluster's thread");
}

// --- The loop's side -----------------------------------------------------------------------------

static void on_closed(uv_handle_t *handle)
{
    struct od_member *member = handle->data;
    struct od_list *link;
    while ((link = od_list_pop_front(&member->news)) != NULL)
        od_news_free(OD_LIST_MEMBER(link, struct od_news, link));
    od_postgres_deinit(&member->postgres);
    od_ballot_deinit(&member->ballot);
    pthread_cond_destroy(&member->has_work);
    pthread_mutex_destroy(&member->mutex);
    free(member);
}

bool od_member_start(struct od_member **result, uv_loop_t *loop, const char *url,
                     const struct od_cluster_node *self, int stop_fd,
                     const struct od_member_events *events, void *owner, struct od_error *err)
{
    OD_ASSERT(self->id != 0);
    struct od_member *member = od_allocate_zeroed(sizeof *member);
    member->events = events;
    member->owner = owner;
    member->self = *self;
    od_list_init(&member->news);
    od_postgres_init(&member->postgres, url, stop_fd);
    od_ballot_init(&member->ballot, &member->self, tell, member);
    od_holdings_init(&member->holdings, &member->self, tell, member);
    pthread_mutex_init(&member->mutex, NULL);
    od_thread_condition_init(&member->has_work);
    uv_async_init(loop, &member->wake, on_wake);
    member->wake.data = member;
    if (start_thread(member, err)) {
        *result = member;
        return true;
    }
    uv_close((uv_handle_t *)&member->wake, on_closed);
    return false;
}

void od_member_give(struct od_member *member, od_slot slot, od_node_id to)
{
    pthread_mutex_lock(&member->mutex);
    OD_ASSERT(member->gift_count < OD_SLOT_COUNT);
    member->gifts[member->gift_count++] = (struct od_gift){slot, to};
    pthread_cond_signal(&member->has_work);
    pthread_mutex_unlock(&member->mutex);
}

void od_member_vote(struct od_member *member, enum od_vote vote, uint32_t version, od_slice text)
{
    od_ballot_cast(&member->ballot, vote, version, text);
    pthread_mutex_lock(&member->mutex);
    pthread_cond_signal(&member->has_work);
    pthread_mutex_unlock(&member->mutex);
}

void od_member_rise(struct od_member *member)
{
    pthread_mutex_lock(&member->mutex);
    OD_ASSERT(!member->is_to_rise);
    member->is_to_rise = true;
    pthread_cond_signal(&member->has_work);
    pthread_mutex_unlock(&member->mutex);
}

void od_member_leave(struct od_member *member)
{
    pthread_mutex_lock(&member->mutex);
    OD_ASSERT(!member->is_stopping);
    member->is_to_leave = true;
    pthread_cond_signal(&member->has_work);
    pthread_mutex_unlock(&member->mutex);
}

// One that finds no room was asked too often while the engine was away, and is asked again.
void od_member_send_off(struct od_member *member, const struct od_cluster_node *node)
{
    OD_ASSERT(node->id != member->self.id);
    pthread_mutex_lock(&member->mutex);
    if (member->leaver_count < OD_CLUSTER_NODES_MAX)
        member->leavers[member->leaver_count++] = (struct leaver){node->id, node->incarnation};
    pthread_cond_signal(&member->has_work);
    pthread_mutex_unlock(&member->mutex);
}

void od_member_stop(struct od_member *member)
{
    if (member == NULL)
        return;
    pthread_mutex_lock(&member->mutex);
    member->is_stopping = true;
    pthread_cond_signal(&member->has_work);
    pthread_mutex_unlock(&member->mutex);
    pthread_join(member->thread, NULL);
    uv_close((uv_handle_t *)&member->wake, on_closed);
}
