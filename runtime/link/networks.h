// Some networks, as a person writes them: 10.0.0.0/8,192.168.1.7,fd00::/8.
//
// An IPv4 address is compared as the IPv6 address it is mapped to (::ffff:10.0.0.1), which is also
// how a listener for both kinds sees its clients; so there is one kind of address here.

#ifndef OD_LINK_NETWORKS_H
#define OD_LINK_NETWORKS_H

#include <netinet/in.h>

#include "base/error.h"
#include "base/slice.h"

#define OD_NETWORKS_MAX 32

struct od_network {
    struct in6_addr address;
    uint8_t bits; // Those that count, from the front.
};

struct od_networks {
    struct od_network at[OD_NETWORKS_MAX];
    uint8_t count;
};

OD_MUST_CHECK bool od_networks_parse(const char *text, struct od_networks *networks,
                                     struct od_error *err);

bool od_networks_have(const struct od_networks *networks, const struct in6_addr *address);

// Reads "10.0.0.1", "fd00::1"; false when [text] is no address.
OD_MUST_CHECK bool od_networks_read_address(od_slice text, struct in6_addr *address);

struct in6_addr od_networks_map_ipv4(struct in_addr address);

// As people write it: a mapped address as IPv4.
void od_networks_print(const struct in6_addr *address, char text[INET6_ADDRSTRLEN]);

#endif
