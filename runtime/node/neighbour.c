#include "node/neighbour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "link/address.h"
#include "node/channel.h"
#include "node/line.h"
#include "node/node.h"

static void check(const struct od_neighbour *neighbour)
{
    OD_ASSERT(neighbour->id != 0 || neighbour->line == NULL);
    OD_ASSERT(neighbour->id != 0 || neighbour->dialled == NULL);
    OD_ASSERT(neighbour->line == NULL || neighbour->line->is_proved);
    OD_ASSERT(neighbour->id == 0 || neighbour->id != neighbour->node->id);
}

struct od_neighbour *od_neighbour_find(struct od_node *node, uint32_t id)
{
    for (size_t i = 0; i < OD_SEATS_MAX; i++) {
        if (node->neighbours[i].id == id && id != 0)
            return &node->neighbours[i];
    }
    return NULL;
}

static void say_why(struct od_neighbour *neighbour, const char *why)
{
    if (od_slice_equal(od_bytes_slice(&neighbour->why), od_slice_of(why)))
        return;
    od_bytes_clear(&neighbour->why);
    od_bytes_put_slice(&neighbour->why, od_slice_of(why));
    od_log(OD_LOG_WARN, NULL, "node %u at %s cannot be linked: %s; it is tried again",
           neighbour->id, neighbour->address.at, why);
}

// --- Dialling ------------------------------------------------------------------------------------

static bool may_dial(const struct od_neighbour *neighbour)
{
    const struct od_node *node = neighbour->node;
    return node->id != 0 && neighbour->id > node->id && neighbour->line == NULL &&
           neighbour->dialled == NULL && neighbour->lookup == NULL && neighbour->address.size > 1;
}

static void dial_later(struct od_neighbour *neighbour)
{
    if (!may_dial(neighbour))
        return;
    od_loop_set_timer(&neighbour->node->loop, &neighbour->timer, neighbour->retry_ms);
    neighbour->retry_ms *= 2;
    if (neighbour->retry_ms > OD_NODE_RETRY_MS_MAX)
        neighbour->retry_ms = OD_NODE_RETRY_MS_MAX;
}

static void connect_to(struct od_neighbour *neighbour, const struct sockaddr *address,
                       socklen_t size)
{
    struct od_error err;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && (connect(fd, address, size) == 0 || errno == EINPROGRESS);
    if (!ok)
        od_error_errno(&err, "cannot connect");
    if (!ok && fd >= 0)
        close(fd);
    if (ok)
        neighbour->dialled =
            od_line_new(neighbour->node, fd, neighbour, od_line_wants_veil(address), &err);
    if (neighbour->dialled != NULL)
        return;
    say_why(neighbour, err.text);
    dial_later(neighbour);
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct od_neighbour *neighbour = lookup->data;
    free(lookup);
    if (neighbour != NULL) {
        neighbour->lookup = NULL;
        if (status == 0)
            connect_to(neighbour, found->ai_addr, found->ai_addrlen);
        else
            say_why(neighbour, uv_strerror(status));
        dial_later(neighbour);
    }
    uv_freeaddrinfo(found);
}

static void dial(struct od_neighbour *neighbour)
{
    struct od_address address;
    struct od_error err;
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (!od_address_parse(neighbour->address.at, &address, &err)) {
        say_why(neighbour, err.text);
        return;
    }
    snprintf(port, sizeof port, "%u", address.port);
    neighbour->lookup = od_allocate_zeroed(sizeof *neighbour->lookup);
    neighbour->lookup->data = neighbour;
    int status = uv_getaddrinfo(&neighbour->node->loop.uv, neighbour->lookup, on_looked_up,
                                address.host, port, &hints);
    if (status == 0)
        return;
    free(neighbour->lookup);
    neighbour->lookup = NULL;
    say_why(neighbour, uv_strerror(status));
    dial_later(neighbour);
}

static void on_time(struct od_timer *timer)
{
    struct od_neighbour *neighbour = OD_TIMER_MEMBER(timer, struct od_neighbour, timer);
    check(neighbour);
    if (may_dial(neighbour))
        dial(neighbour);
}

static void dial_soon(struct od_neighbour *neighbour)
{
    neighbour->retry_ms = OD_NODE_RETRY_MS_MIN;
    if (may_dial(neighbour))
        od_loop_set_timer(&neighbour->node->loop, &neighbour->timer, 0);
}

// --- Its line ------------------------------------------------------------------------------------

void od_neighbour_linked(struct od_neighbour *neighbour, struct od_line *line)
{
    check(neighbour);
    OD_ASSERT(line->neighbour == neighbour);
    if (neighbour->dialled == line)
        neighbour->dialled = NULL;
    if (neighbour->line != NULL) // It has begun anew, and we have not seen the end.
        od_line_cut(neighbour->line, "it has connected again");
    neighbour->line = line;
    neighbour->retry_ms = OD_NODE_RETRY_MS_MIN;
    od_bytes_clear(&neighbour->why);
    od_log(OD_LOG_INFO, NULL, "linked with node %u at %s%s", neighbour->id, neighbour->address.at,
           line->veil == NULL ? "" : ", by TLS");
    od_node_say_state(neighbour);
}

void od_neighbour_unlinked(struct od_neighbour *neighbour, struct od_line *line, const char *why)
{
    check(neighbour);
    bool was_linked = neighbour->line == line;
    if (neighbour->dialled == line)
        neighbour->dialled = NULL;
    if (was_linked) {
        neighbour->line = NULL;
        od_channels_end_seat(neighbour->node, od_node_seat(neighbour));
        od_log(OD_LOG_WARN, NULL, "the link with node %u is lost: %s", neighbour->id, why);
        od_node_say_state(neighbour);
    } else if (!neighbour->is_leaving) {
        say_why(neighbour, why);
    }
    dial_later(neighbour);
}

// --- Its seat ------------------------------------------------------------------------------------

static void leave(struct od_neighbour *neighbour)
{
    struct od_line *line = neighbour->line, *dialled = neighbour->dialled;
    od_loop_clear_timer(&neighbour->node->loop, &neighbour->timer);
    if (neighbour->lookup != NULL)
        neighbour->lookup->data = NULL; // It comes back to nobody.
    neighbour->lookup = NULL;
    neighbour->is_leaving = true;
    if (dialled != NULL)
        od_line_cut(dialled, "it has left the cluster");
    if (line != NULL)
        od_line_cut(line, "it has left the cluster");
    od_loop_clear_timer(&neighbour->node->loop, &neighbour->timer);
    neighbour->is_leaving = false;
    neighbour->id = 0;
    od_bytes_deinit(&neighbour->address);
    od_bytes_deinit(&neighbour->why);
}

// Main hears of a new life from the engine, we perhaps from that life itself, earlier.
static bool is_linked_with(const struct od_neighbour *neighbour, uint32_t id, uint64_t life)
{
    return neighbour->id == id && neighbour->line != NULL && neighbour->line->hello.life == life;
}

void od_neighbour_set(struct od_node *node, uint32_t seat, uint32_t id, uint64_t life,
                      od_slice address)
{
    OD_ASSERT(seat < OD_SEATS_MAX);
    struct od_neighbour *neighbour = &node->neighbours[seat];
    bool is_same =
        (neighbour->id == id && neighbour->life == life) || is_linked_with(neighbour, id, life);
    neighbour->node = node;
    neighbour->timer.fire = on_time;
    if (!is_same && neighbour->id != 0)
        leave(neighbour);
    neighbour->id = id;
    neighbour->life = life;
    od_bytes_clear(&neighbour->address);
    od_bytes_put_slice(&neighbour->address, address);
    od_bytes_put_u8(&neighbour->address, 0);
    if (id != 0)
        dial_soon(neighbour);
}

void od_neighbours_start(struct od_node *node)
{
    for (size_t i = 0; i < OD_SEATS_MAX; i++) {
        if (node->neighbours[i].id != 0)
            dial_soon(&node->neighbours[i]);
    }
}

void od_neighbours_close(struct od_node *node)
{
    for (size_t i = 0; i < OD_SEATS_MAX; i++) {
        if (node->neighbours[i].id != 0)
            leave(&node->neighbours[i]);
        od_bytes_deinit(&node->neighbours[i].address);
    }
}
