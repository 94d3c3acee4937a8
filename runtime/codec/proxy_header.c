#include "codec/proxy_header.h"

#include <string.h>

#include "link/networks.h"

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum {
    fixed_bytes = 16, // Signature, version and command, family, length of the rest.
    version_2 = 0x20,
    command_local = 0,
    command_proxy = 1,
    family_ipv4_stream = 0x11,
    family_ipv6_stream = 0x21,
    ipv4_bytes = 12, // Two addresses, two ports.
    ipv6_bytes = 36,
};

static enum od_http_outcome refuse(struct od_proxy_header *header, const char *text)
{
    header->fault = (struct od_http_fault){400, text};
    return OD_HTTP_BAD;
}

// Of families that are no such addresses nothing is told, as the protocol wants it.
static bool read_address(struct od_proxy_header *header, uint8_t family, od_slice rest)
{
    struct in_addr ipv4;
    if (family == family_ipv4_stream && rest.size >= ipv4_bytes) {
        memcpy(&ipv4, rest.at, sizeof ipv4);
        header->address = od_networks_map_ipv4(ipv4);
    } else if (family == family_ipv6_stream && rest.size >= ipv6_bytes) {
        memcpy(&header->address, rest.at, sizeof header->address);
    } else {
        return family != family_ipv4_stream && family != family_ipv6_stream;
    }
    header->has_address = true;
    return true;
}

static enum od_http_outcome parse_rest(struct od_proxy_header *header, od_slice all)
{
    OD_ASSERT(all.size >= fixed_bytes);
    uint8_t command = (uint8_t)all.at[12], family = (uint8_t)all.at[13];
    size_t size = (size_t)((uint8_t)all.at[14] << 8 | (uint8_t)all.at[15]);
    if ((command & 0xF0) != version_2 || (command & 0x0F) > command_proxy)
        return refuse(header, "the PROXY header is of an unknown version or command");
    if (fixed_bytes + size > OD_PROXY_HEADER_BYTES_MAX)
        return refuse(header, "the PROXY header is too long");
    if (all.size < fixed_bytes + size)
        return OD_HTTP_MORE;
    header->bytes = fixed_bytes + size;
    OD_ASSERT(header->bytes <= all.size);
    od_slice rest = {all.at + fixed_bytes, size};
    if ((command & 0x0F) == command_proxy && !read_address(header, family, rest))
        return refuse(header, "the PROXY header is too short for its addresses");
    return OD_HTTP_DONE;
}

enum od_http_outcome od_proxy_header_parse(struct od_proxy_header *header, od_slice all)
{
    *header = (struct od_proxy_header){0};
    size_t common = all.size < sizeof signature ? all.size : sizeof signature;
    if (common > 0 && memcmp(all.at, signature, common) != 0)
        return OD_HTTP_DONE;
    return all.size < fixed_bytes ? OD_HTTP_MORE : parse_rest(header, all);
}
