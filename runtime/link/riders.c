#include "link/riders.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"

void od_riders_check(const struct od_riders *riders)
{
    OD_ASSERT(riders->out_first <= riders->out_count);
    OD_ASSERT(riders->out_count <= riders->out_capacity);
    OD_ASSERT(riders->in_count <= riders->in_capacity);
    OD_ASSERT(riders->call_left <= OD_RIDERS_MAX);
}

void od_riders_drop_out(struct od_riders *riders)
{
    od_riders_left(riders, riders->out_count - riders->out_first);
    riders->out_first = riders->out_count = 0;
}

void od_riders_deinit(struct od_riders *riders)
{
    od_riders_drop_out(riders);
    for (size_t i = 0; i < riders->in_count; i++) {
        if (riders->in[i] >= 0)
            close(riders->in[i]);
    }
    free(riders->out);
    free(riders->in);
    *riders = (struct od_riders){0};
}

// --- Those that leave ----------------------------------------------------------------------------

void od_riders_put(struct od_riders *riders, struct od_rider rider)
{
    OD_ASSERT(rider.fd >= 0);
    OD_ASSERT(riders->out_count == 0 || riders->out[riders->out_count - 1].offset <= rider.offset);
    if (riders->out_count == riders->out_capacity)
        riders->out = od_grow(riders->out, &riders->out_capacity, sizeof *riders->out);
    riders->out[riders->out_count++] = rider;
}

bool od_riders_lends(const struct od_riders *riders, int fd)
{
    for (size_t i = riders->out_first; i < riders->out_count; i++) {
        if (riders->out[i].is_lent && riders->out[i].fd == fd)
            return true;
    }
    return false;
}

size_t od_riders_leaving(const struct od_riders *riders, size_t offset)
{
    size_t waiting = riders->out_count - riders->out_first;
    if (waiting == 0 || riders->out[riders->out_first].offset != offset)
        return 0;
    return waiting < OD_RIDERS_MAX ? waiting : OD_RIDERS_MAX;
}

size_t od_riders_next(const struct od_riders *riders, size_t leaving, size_t size)
{
    size_t next = riders->out_first + leaving;
    OD_ASSERT(next <= riders->out_count);
    return next < riders->out_count ? riders->out[next].offset : size;
}

void od_riders_board(const struct od_riders *riders, size_t leaving, struct msghdr *message,
                     union od_riders_control *control)
{
    OD_ASSERT(leaving > 0 && leaving <= OD_RIDERS_MAX);
    int fds[OD_RIDERS_MAX];
    for (size_t i = 0; i < leaving; i++)
        fds[i] = riders->out[riders->out_first + i].fd;
    memset(control, 0, sizeof *control);
    control->align.cmsg_level = SOL_SOCKET;
    control->align.cmsg_type = SCM_RIGHTS;
    control->align.cmsg_len = CMSG_LEN(leaving * sizeof *fds);
    memcpy(CMSG_DATA(&control->align), fds, leaving * sizeof *fds);
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(leaving * sizeof *fds);
}

void od_riders_left(struct od_riders *riders, size_t leaving)
{
    OD_ASSERT(riders->out_first + leaving <= riders->out_count);
    for (size_t i = 0; i < leaving; i++) {
        const struct od_rider *rider = &riders->out[riders->out_first++];
        if (!rider->is_lent)
            close(rider->fd);
    }
}

void od_riders_shift(struct od_riders *riders, size_t count)
{
    size_t left = riders->out_count - riders->out_first;
    for (size_t i = 0; i < left; i++) {
        riders->out[i] = riders->out[riders->out_first + i];
        OD_ASSERT(riders->out[i].offset >= count);
        riders->out[i].offset -= count;
    }
    riders->out_first = 0;
    riders->out_count = left;
}

// --- Those that come -----------------------------------------------------------------------------

static void arrive(struct od_riders *riders, int fd)
{
    if (riders->in_count == riders->in_capacity)
        riders->in = od_grow(riders->in, &riders->in_capacity, sizeof *riders->in);
    riders->in[riders->in_count++] = fd;
}

bool od_riders_arrive(struct od_riders *riders, struct msghdr *message)
{
    size_t before = riders->in_count;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            arrive(riders, fd);
        }
    }
    if ((message->msg_flags & MSG_CTRUNC) != 0)
        arrive(riders, -1);
    return riders->in_count > before;
}

static int take_first(struct od_riders *riders)
{
    int fd = riders->in[0];
    riders->in_count--;
    memmove(riders->in, riders->in + 1, riders->in_count * sizeof *riders->in);
    return fd;
}

bool od_riders_claim(struct od_riders *riders, uint8_t with_it, int *fd)
{
    if (with_it > OD_RIDERS_MAX || (with_it > 0 && riders->call_left > 0))
        return false;
    riders->call_left += with_it;
    if (riders->call_left == 0 || riders->in_count == 0)
        return false;
    riders->call_left--;
    // What stands for those without room goes with the last of them.
    bool has_room = riders->in[0] >= 0;
    *fd = has_room || riders->call_left == 0 ? take_first(riders) : -1;
    return true;
}

bool od_riders_are_wanted(const struct od_riders *riders, bool has_begun)
{
    return riders->in_count <= riders->call_left + (has_begun ? OD_RIDERS_MAX : 0);
}
