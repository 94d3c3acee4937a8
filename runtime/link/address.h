// A place to listen at, as a person writes it: HOST:PORT, [::1]:8787, or :8787 for every address.
//
// Only the form is checked here. Names are looked up by who binds, once, at the start.

#ifndef OD_LINK_ADDRESS_H
#define OD_LINK_ADDRESS_H

#include <stdint.h>

#include "base/error.h"

#define OD_HOST_BYTES_MAX 255

struct od_address {
    char host[OD_HOST_BYTES_MAX + 1]; // Without brackets; empty: every address of this machine.
    uint16_t port;                    // 0: a free one is chosen.
};

OD_MUST_CHECK bool od_address_parse(const char *text, struct od_address *address,
                                    struct od_error *err);

bool od_address_is_loopback(const struct od_address *address); // Only for this machine.

#endif
