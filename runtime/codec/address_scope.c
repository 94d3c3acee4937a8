#include "codec/address_scope.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct range {
    uint8_t first[16];
    uint8_t bits; // So many of them must agree.
};

static const struct range ranges_v4[] = {
    {{0}, 8},             // This network.
    {{10}, 8},            // Private.
    {{100, 64}, 10},      // Shared, behind a provider's NAT.
    {{127}, 8},           // This machine.
    {{169, 254}, 16},     // The link; metadata services of clouds.
    {{172, 16}, 12},      // Private.
    {{192, 0, 0}, 24},    // Protocol assignments.
    {{192, 0, 2}, 24},    // Documentation.
    {{192, 88, 99}, 24},  // 6to4 relays.
    {{192, 168}, 16},     // Private.
    {{198, 18}, 15},      // Benchmarks.
    {{198, 51, 100}, 24}, // Documentation.
    {{203, 0, 113}, 24},  // Documentation.
    {{224}, 3},           // Multicast, reserved, broadcast.
};

static const struct range ranges_v6[] = {
    {{0}, 128},                           // Unspecified.
    {{[15] = 1}, 128},                    // This machine.
    {{0x01, 0}, 64},                      // Discard.
    {{0x20, 0x01, 0, 0}, 23},             // Protocol assignments.
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       // Documentation.
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48}, // Local NAT64.
    {{0xfc}, 7},                          // Private.
    {{0xfe, 0x80}, 10},                   // The link.
    {{0xfe, 0xc0}, 10},                   // Site, as it once was.
    {{0xff}, 8},                          // Multicast.
};

// Where in an IPv6 address an IPv4 one lies, for those that begin like this.
static const struct {
    struct range range;
    size_t at;
} carriers[] = {
    {{{[10] = 0xff, [11] = 0xff}, 96}, 12}, // Mapped.
    {{{0}, 96}, 12},                        // Compatible.
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},   // NAT64.
    {{{0x20, 0x02}, 16}, 2},                // 6to4.
};

static bool is_in(const uint8_t *address, const struct range *range)
{
    size_t whole = range->bits / 8;
    OD_ASSERT(whole <= sizeof range->first);
    if (memcmp(address, range->first, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> (range->bits % 8));
    return (range->bits % 8) == 0 || ((address[whole] ^ range->first[whole]) & mask) == 0;
}

static bool is_in_any(const uint8_t *address, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_in(address, &ranges[i]))
            return true;
    }
    return false;
}

static bool is_inside_v4(const uint8_t *address)
{
    return is_in_any(address, ranges_v4, sizeof ranges_v4 / sizeof *ranges_v4);
}

static bool is_inside_v6(const uint8_t *address)
{
    if (is_in_any(address, ranges_v6, sizeof ranges_v6 / sizeof *ranges_v6))
        return true;
    for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
        if (is_in(address, &carriers[i].range))
            return is_inside_v4(address + carriers[i].at);
    }
    return false;
}

bool od_address_is_inside(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_inside_v4((const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr);
    if (address->sa_family == AF_INET6)
        return is_inside_v6((const uint8_t *)&((const struct sockaddr_in6 *)address)->sin6_addr);
    return true;
}
