// Which addresses are of the inside: of this machine, of a private network, or of no machine.
//
// A program that fetches what strangers name can be made to ask its own neighbours: the database,
// the router, the metadata service of a cloud. Whoever runs scripts for others can refuse all such
// addresses. The list is that of the IANA registries of special-purpose addresses; an IPv4 address
// inside an IPv6 one (mapped, compatible, NAT64, 6to4) counts as what it is.

#ifndef OD_CODEC_ADDRESS_SCOPE_H
#define OD_CODEC_ADDRESS_SCOPE_H

#include <stdbool.h>

struct sockaddr;

// True also for a family that is neither IPv4 nor IPv6.
bool od_address_is_inside(const struct sockaddr *address);

#endif
