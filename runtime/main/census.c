#include "main/census.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "link/networks.h"
#include "main/limits.h"

enum {
    state_established = 1, // Of TCP, as the kernel numbers them.
    state_close_wait = 8,
    ipv6_words = 4,
};

// "The peer is this address, and our port is that one", as a program for the kernel: an operation
// whose answer is yes goes on behind itself, one whose answer is no jumps past the end.
struct condition {
    struct inet_diag_bc_op op;
    struct inet_diag_hostcond host;
    uint32_t address[ipv6_words];
};

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 request;
    struct nlattr attribute;
    struct condition peer;
    struct condition self;
};

static struct condition condition(uint8_t code, uint8_t family, uint8_t prefix, int port,
                                  unsigned short rest)
{
    return (struct condition){
        .op = {code, sizeof(struct condition), (unsigned short)(rest + 4)},
        .host = {.family = family, .prefix_len = prefix, .port = port},
    };
}

struct kernel_address { // As the kernel has it: IPv4 is a family of its own.
    uint8_t family;
    uint8_t bits;
    const uint8_t *at;
};

static struct kernel_address address_for_kernel(const struct in6_addr *address)
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        return (struct kernel_address){AF_INET, 32, address->s6_addr + 12};
    return (struct kernel_address){AF_INET6, 128, address->s6_addr};
}

static void put_question(struct question *question, const struct kernel_address *address,
                         uint16_t port)
{
    *question = (struct question){
        .head = {.nlmsg_len = sizeof *question,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = address->family,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = 1u << state_established | 1u << state_close_wait},
        .attribute = {.nla_len = sizeof(struct nlattr) + 2 * sizeof(struct condition),
                      .nla_type = INET_DIAG_REQ_BYTECODE},
        .peer = condition(INET_DIAG_BC_D_COND, address->family, address->bits, -1,
                          2 * sizeof(struct condition)),
        .self = condition(INET_DIAG_BC_S_COND, AF_UNSPEC, 0, port, sizeof(struct condition)),
    };
    memcpy(question->peer.address, address->at, address->bits / 8);
}

// Counts the connections in one piece of the answer; false when there is no more to come.
static bool count_piece(const char *at, size_t size, int64_t *count)
{
    const struct nlmsghdr *head = (const void *)at;
    for (; NLMSG_OK(head, size); head = NLMSG_NEXT(head, size)) {
        if (head->nlmsg_type == NLMSG_ERROR)
            *count = -1;
        if (head->nlmsg_type == NLMSG_ERROR || head->nlmsg_type == NLMSG_DONE)
            return false;
        ++*count;
    }
    return true;
}

// Below zero: the kernel does not tell.
static int64_t ask(const struct od_census *census, const struct in6_addr *address)
{
    struct question question;
    struct kernel_address peer = address_for_kernel(address);
    put_question(&question, &peer, census->port);
    if (send(census->fd, &question, sizeof question, 0) != sizeof question)
        return -1;
    _Alignas(struct nlmsghdr) char piece[16384];
    int64_t count = 0;
    for (;;) {
        ssize_t size = recv(census->fd, piece, sizeof piece, 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return -1;
        if (!count_piece(piece, (size_t)size, &count))
            return count;
    }
}

static struct od_census_place *place_of(struct od_census *census, const struct in6_addr *address)
{
    uint64_t hash = od_slice_hash((od_slice){(const char *)address, sizeof *address});
    struct od_census_place *place = &census->places[hash % OD_CENSUS_PLACES];
    if (!place->is_taken || memcmp(&place->address, address, sizeof *address) != 0)
        *place = (struct od_census_place){*address, census->limit, -OD_CENSUS_MS_MIN, true};
    return place;
}

static void give_up(struct od_census *census)
{
    od_log(OD_LOG_ERROR, NULL,
           "the kernel does not tell how many connections an address has: "
           "--connections-per-address is without effect");
    od_census_close(census);
}

// A crowd is told of ever more rarely.
static bool refuse(struct od_census *census, const struct in6_addr *address)
{
    char text[INET6_ADDRSTRLEN];
    od_networks_print(address, text);
    census->refused++;
    if ((census->refused & (census->refused - 1)) == 0)
        od_log(OD_LOG_WARN, NULL,
               "%s has %u connections and gets no more (--connections-per-address); %llu were "
               "refused so far",
               text, census->limit, (unsigned long long)census->refused);
    return false;
}

bool od_census_admits(struct od_census *census, const struct in6_addr *address)
{
    if (census->limit == 0)
        return true;
    struct od_census_place *place = place_of(census, address);
    if (place->count_max < census->limit) {
        place->count_max++;
        return true;
    }
    od_time_ms now_ms = od_clock_monotonic_ms();
    if (now_ms - place->asked_ms < OD_CENSUS_MS_MIN)
        return refuse(census, address);
    int64_t count = ask(census, address);
    if (count < 0) {
        give_up(census);
        return true;
    }
    bool is_within = count <= census->limit;
    place->count_max = is_within ? (uint32_t)count : census->limit;
    place->asked_ms = is_within ? -OD_CENSUS_MS_MIN : now_ms;
    return is_within || refuse(census, address);
}

void od_census_open(struct od_census *census, uint32_t limit, const struct od_listeners *listeners)
{
    *census = (struct od_census){.limit = limit, .port = listeners->port, .fd = -1};
    if (limit == 0)
        return;
    census->places = od_allocate_zeroed(OD_CENSUS_PLACES * sizeof *census->places);
    census->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (census->fd < 0)
        give_up(census);
}

void od_census_close(struct od_census *census)
{
    if (census->limit > 0 && census->fd >= 0)
        close(census->fd);
    free(census->places);
    *census = (struct od_census){.fd = -1};
}
