#include "main/door/door.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "link/connection.h"
#include "main/door/limits.h"

static void on_poll(uv_poll_t *poll, int status, int events);

static void resume(struct od_door *door)
{
    if (door->is_held)
        return;
    OD_ASSERT(!door->is_closed);
    door->is_paused = false;
    od_loop_clear_timer(door->loop, &door->retry_timer);
    for (size_t i = 0; i < door->poll_count; i++) {
        int status = uv_poll_start(&door->polls[i], UV_READABLE, on_poll);
        OD_ASSERT(status == 0);
    }
}

// A listener that is polled but not emptied would spin the loop.
static void pause_accepting(struct od_door *door, const char *why)
{
    OD_ASSERT(!door->is_closed);
    if (!door->is_crowded)
        od_log(OD_LOG_WARN, NULL, "new connections wait: %s", why);
    door->is_crowded = door->is_paused = true;
    for (size_t i = 0; i < door->poll_count; i++)
        uv_poll_stop(&door->polls[i]);
    od_loop_set_timer(door->loop, &door->retry_timer, OD_ACCEPT_RETRY_MS);
}

static void on_retry(struct od_timer *timer)
{
    resume(OD_TIMER_MEMBER(timer, struct od_door, retry_timer));
}

// The arrival to put out for a newer one: the one that reads for longest, unless it came just now.
static struct od_arrival *dispensable(struct od_door *door)
{
    struct od_list *reading = &door->arrivals[OD_ARRIVAL_READING];
    if (od_list_is_empty(reading))
        return NULL;
    struct od_arrival *oldest = OD_LIST_MEMBER(reading->next, struct od_arrival, link);
    od_time_ms age_ms = od_clock_monotonic_ms() - oldest->accepted_ms;
    return age_ms >= OD_ARRIVAL_MS_MIN ? oldest : NULL;
}

struct in6_addr od_door_address_of(const struct sockaddr_storage *peer)
{
    struct sockaddr_in6 v6 = {0};
    struct sockaddr_in v4 = {0};
    memcpy(&v6, peer, sizeof v6);
    memcpy(&v4, peer, sizeof v4);
    return peer->ss_family == AF_INET6 ? v6.sin6_addr : od_networks_map_ipv4(v4.sin_addr);
}

// One address that has too many is cut without a word: an answer would cost what is to be saved.
static bool is_welcome(struct od_door *door, int fd, const struct in6_addr *peer)
{
    return door->connection_limit.limit == 0 ||
           od_networks_have(&door->options->trusted_proxies, peer) ||
           od_connection_limit_enter(&door->connection_limit, fd, peer);
}

static void welcome(struct od_door *door, int fd, const struct in6_addr *peer, bool is_tls)
{
    if (is_tls)
        fd = door->events->wrap(door->owner, fd);
    if (fd < 0)
        return;
    if (!is_welcome(door, fd, peer)) {
        close(fd);
        return;
    }
    if (door->arrival_count >= OD_ARRIVALS_MAX) {
        struct od_arrival *oldest = dispensable(door);
        OD_ASSERT(oldest != NULL);
        od_arrival_end(oldest);
    }
    OD_ASSERT(door->arrival_count < OD_ARRIVALS_MAX);
    door->arrival_count++;
    od_arrival_start(door, fd, peer, is_tls);
}

static bool is_about_one(
    int error) // Of the connections, not of the listener: the next may be well.
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM ||
           error == ENETDOWN || error == ENETUNREACH || error == EHOSTUNREACH || error == EHOSTDOWN;
}

// False: there is nothing more to accept now.
static bool accept_one(struct od_door *door, size_t index)
{
    int listener = door->listeners.fds[index];
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    if (door->arrival_count >= OD_ARRIVALS_MAX && dispensable(door) == NULL) {
        pause_accepting(door, "too many are still sending their first request");
        return false;
    }
    int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        struct in6_addr address = od_door_address_of(&peer);
        welcome(door, fd, &address, index >= door->tls_from);
        return true;
    }
    if (is_about_one(errno))
        return true;
    if (errno == EAGAIN)
        door->is_crowded = false;
    else if (errno == EMFILE || errno == ENFILE)
        pause_accepting(door, "no descriptor is free; raise the limit of open files (ulimit -n)");
    else
        pause_accepting(door, strerror(errno));
    return false;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct od_door *door = poll->data;
    OD_ASSERT(poll >= door->polls);
    size_t index = (size_t)(poll - door->polls);
    OD_ASSERT(index < door->poll_count);
    OD_ASSERT(status == 0);
    for (int i = 0; i < OD_ACCEPTS_A_TURN_MAX && accept_one(door, index); i++)
        continue;
}

void od_door_arrival_ended(struct od_door *door)
{
    OD_ASSERT(door->arrival_count > 0);
    door->arrival_count--;
    if (door->is_paused && !door->is_closed)
        resume(door);
}

void od_door_retry(struct od_door *door)
{
    OD_LIST_EACH_SAFE (link, &door->arrivals[OD_ARRIVAL_WAITING]) {
        od_arrival_retry(OD_LIST_MEMBER(link, struct od_arrival, link));
    }
}

static void end_at_once(struct od_returned *returned)
{
    bool is_asking = returned->how == OD_RETURN_UNTOUCHED || returned->how == OD_RETURN_FAILED ||
                     returned->how == OD_RETURN_UNANSWERED;
    if (is_asking && !od_arrival_say_failed(returned->fd, false))
        od_log(OD_LOG_DEBUG, NULL, "%s could not be told of its lost request", returned->peer);
    if (returned->how == OD_RETURN_CUT)
        od_connection_reset(returned->fd);
    shutdown(returned->fd, SHUT_WR);
    close(returned->fd);
    od_bytes_deinit(&returned->bytes);
    od_bytes_deinit(&returned->tls);
}

void od_door_return(struct od_door *door, struct od_returned *returned)
{
    OD_ASSERT(returned->fd >= 0);
    bool is_crowded = door->arrival_count >= OD_ARRIVALS_MAX && !door->is_held;
    if (door->is_closed || door->is_leaving || is_crowded || returned->how == OD_RETURN_CUT) {
        end_at_once(returned);
        return;
    }
    door->arrival_count++;
    od_arrival_return(door, returned);
}

// --- Birth and death -----------------------------------------------------------------------------

void od_door_init(struct od_door *door, struct od_loop *loop, const struct od_options *options,
                  const struct od_door_events *events, void *owner)
{
    *door = (struct od_door){.loop = loop,
                             .options = options,
                             .events = events,
                             .owner = owner,
                             .tls_from = OD_LISTENERS_MAX};
    door->retry_timer.fire = on_retry;
    od_connection_limit_init(&door->connection_limit, options->connections_per_address,
                             options->workers);
    for (int i = 0; i < OD_ARRIVAL_STATE_COUNT; i++)
        od_list_init(&door->arrivals[i]);
}

void od_door_deinit(struct od_door *door)
{
    OD_ASSERT(door->arrival_count == 0);
    od_connection_limit_deinit(&door->connection_limit);
}

enum od_exit od_door_listen(struct od_door *door, const struct od_address *address,
                            const char *option, struct od_error *err)
{
    return od_listeners_open(&door->listeners, address, option, err);
}

enum od_exit od_door_listen_tls(struct od_door *door, const struct od_address *address,
                                const char *option, struct od_error *err)
{
    struct od_listeners with_tls;
    enum od_exit exit = od_listeners_open(&with_tls, address, option, err);
    door->tls_from = door->listeners.count;
    return exit != OD_EXIT_CLEAN || od_listeners_join(&door->listeners, &with_tls, err)
               ? exit
               : OD_EXIT_WRONG;
}

void od_door_hold(struct od_door *door)
{
    door->is_held = true;
    od_loop_clear_timer(door->loop, &door->retry_timer);
    for (size_t i = 0; i < door->poll_count; i++)
        uv_poll_stop(&door->polls[i]);
}

void od_door_open(struct od_door *door)
{
    door->is_held = false;
    for (; door->poll_count < door->listeners.count; door->poll_count++) {
        uv_poll_t *poll = &door->polls[door->poll_count];
        int status = uv_poll_init(&door->loop->uv, poll, door->listeners.fds[door->poll_count]);
        OD_ASSERT(status == 0);
        poll->data = door;
    }
    resume(door);
}

static void end_all(struct od_list *arrivals)
{
    OD_LIST_EACH_SAFE (link, arrivals) {
        od_arrival_end(OD_LIST_MEMBER(link, struct od_arrival, link));
    }
}

// Who stands in the backlog has connected already, and who is about to knows it already.
void od_door_shut(struct od_door *door)
{
    OD_ASSERT(!door->is_closed);
    for (size_t i = 0; i < door->listeners.count; i++)
        od_listener_let_nobody_begin(door->listeners.fds[i]);
    if (door->listeners.count > 0)
        usleep(OD_HANDSHAKE_US);
    for (size_t i = 0; i < door->listeners.count; i++) {
        while (door->poll_count > 0 && accept_one(door, i))
            continue;
    }
    od_loop_clear_timer(door->loop, &door->retry_timer);
    for (; door->poll_count > 0; door->poll_count--)
        uv_close((uv_handle_t *)&door->polls[door->poll_count - 1], NULL);
    od_listeners_close(&door->listeners);
}

void od_door_leave(struct od_door *door)
{
    door->is_leaving = true;
    od_door_retry(door);
    end_all(&door->arrivals[OD_ARRIVAL_READING]);
}

void od_door_close(struct od_door *door)
{
    if (door->is_closed)
        return;
    door->is_closed = true;
    od_loop_clear_timer(door->loop, &door->retry_timer);
    for (size_t i = 0; i < door->poll_count; i++)
        uv_close((uv_handle_t *)&door->polls[i], NULL);
    od_listeners_close(&door->listeners);
    for (int i = 0; i < OD_ARRIVAL_STATE_COUNT; i++)
        end_all(&door->arrivals[i]);
}
