#include "link/networks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
    ipv6_bits = 128,
    mapped_bits = 96, // In front of an IPv4 address.
};

struct in6_addr od_networks_map_ipv4(struct in_addr address)
{
    struct in6_addr mapped = {.s6_addr = {[10] = 0xFF, [11] = 0xFF}};
    memcpy(mapped.s6_addr + 12, &address, sizeof address);
    return mapped;
}

static bool read_text(const char *text, struct in6_addr *address)
{
    struct in_addr ipv4;
    if (inet_pton(AF_INET, text, &ipv4) == 1) {
        *address = od_networks_map_ipv4(ipv4);
        return true;
    }
    return inet_pton(AF_INET6, text, address) == 1;
}

bool od_networks_read_address(od_slice text, struct in6_addr *address)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.size >= sizeof copy || memchr(text.at, '\0', text.size) != NULL)
        return false;
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    return read_text(copy, address);
}

// As inet_ntop does by printf, which was an eighth of what a connection costs main.
static void print_ipv4(const uint8_t at[4], char *text)
{
    for (size_t i = 0; i < 4; i++) {
        if (at[i] >= 100)
            *text++ = (char)('0' + at[i] / 100);
        if (at[i] >= 10)
            *text++ = (char)('0' + at[i] / 10 % 10);
        *text++ = (char)('0' + at[i] % 10);
        *text++ = i < 3 ? '.' : '\0';
    }
}

void od_networks_print(const struct in6_addr *address, char text[INET6_ADDRSTRLEN])
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        print_ipv4(address->s6_addr + 12, text);
    else if (inet_ntop(AF_INET6, address->s6_addr, text, INET6_ADDRSTRLEN) == NULL)
        text[0] = '\0';
}

// "24" of "10.0.0.0/24"; without it all bits count.
static bool read_bits(od_slice text, uint8_t first, uint8_t *bits)
{
    unsigned number = 0;
    OD_ASSERT(first <= ipv6_bits);
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || i > 2)
            return false;
        number = number * 10 + (unsigned)(text.at[i] - '0');
    }
    *bits = (uint8_t)(first + number);
    return text.size > 0 && first + number <= ipv6_bits;
}

static bool read_network(od_slice text, struct od_network *network)
{
    const char *slash = text.size == 0 ? NULL : memchr(text.at, '/', text.size);
    od_slice address = slash == NULL ? text : (od_slice){text.at, (size_t)(slash - text.at)};
    if (!od_networks_read_address(address, &network->address))
        return false;
    network->bits = ipv6_bits;
    bool is_ipv4 = memchr(address.at, ':', address.size) == NULL;
    return slash == NULL || read_bits(od_slice_from(text, address.size + 1),
                                      is_ipv4 ? mapped_bits : 0, &network->bits);
}

bool od_networks_parse(const char *text, struct od_networks *networks, struct od_error *err)
{
    for (const char *end; *text != '\0'; text = *end == ',' ? end + 1 : end) {
        end = text + strcspn(text, ",");
        if (networks->count == OD_NETWORKS_MAX)
            return od_error_set(err, "there are more than %d of them", OD_NETWORKS_MAX);
        if (!read_network((od_slice){text, (size_t)(end - text)}, &networks->at[networks->count]))
            return od_error_set(err,
                                "'%.*s' is no network; expected some like "
                                "10.0.0.0/8,192.168.1.7,fd00::/8",
                                (int)(end - text), text);
        networks->count++;
    }
    return true;
}

static bool has(const struct od_network *network, const struct in6_addr *address)
{
    OD_ASSERT(network->bits <= 128);
    size_t bytes = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address.s6_addr, address->s6_addr, bytes) != 0)
        return false;
    unsigned differ =
        rest == 0 ? 0u : (unsigned)(network->address.s6_addr[bytes] ^ address->s6_addr[bytes]);
    return differ >> (8 - rest) == 0;
}

bool od_networks_have(const struct od_networks *networks, const struct in6_addr *address)
{
    OD_ASSERT(networks->count <= OD_NETWORKS_MAX);
    for (uint8_t i = 0; i < networks->count; i++) {
        if (has(&networks->at[i], address))
            return true;
    }
    return false;
}
