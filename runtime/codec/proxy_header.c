#include "codec/proxy_header.h"

#include <string.h>

#include "link/networks.h"

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum {
    fixed_bytes = 16, // Signature, version and command, family, length of the rest.
    version_2 = 0x20,
    command_local = 0,
    command_proxy = 1,
    family_unspecified = 0,
    family_ipv4_stream = 0x11,
    family_ipv6_stream = 0x21,
    ipv4_bytes = 12, // Two addresses, two ports.
    ipv6_bytes = 36,
    tlv_authority = 0x02, // Behind the addresses: type, length, value.
    tlv_ssl = 0x20,       // Whose value is flags, what came of a check, and more such:
    tlv_ssl_version = 0x21,
    tlv_bytes = 3,
    ssl_bytes = 5,
    ssl_client = 1, // The client speaks it.
    text_bytes_max = 255,
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

// Of what is behind the addresses; false at its end, and where it makes no sense.
static bool next_tlv(od_slice *rest, uint8_t *type, od_slice *value)
{
    if (rest->size < tlv_bytes)
        return false;
    size_t size = (size_t)((uint8_t)rest->at[1] << 8 | (uint8_t)rest->at[2]);
    if (rest->size - tlv_bytes < size)
        return false;
    *type = (uint8_t)rest->at[0];
    *value = (od_slice){rest->at + tlv_bytes, size};
    *rest = od_slice_from(*rest, tlv_bytes + size);
    return true;
}

// Names and versions have no other characters; what has is nothing that could be passed on.
static od_slice plain_text(od_slice text)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    for (size_t i = 0; i < text.size; i++) {
        if (memchr(known, text.at[i], sizeof known - 1) == NULL)
            return (od_slice){0};
    }
    return text.size > text_bytes_max ? (od_slice){0} : text;
}

static od_slice read_ssl(od_slice value)
{
    uint8_t type;
    od_slice part;
    if (value.size < ssl_bytes || ((uint8_t)value.at[0] & ssl_client) == 0)
        return (od_slice){0};
    for (od_slice rest = od_slice_from(value, ssl_bytes); next_tlv(&rest, &type, &part);) {
        if (type == tlv_ssl_version)
            return plain_text(part);
    }
    return OD_SLICE("TLS");
}

static void read_tlvs(struct od_proxy_header *header, uint8_t family, od_slice rest)
{
    uint8_t type;
    od_slice value;
    rest = od_slice_from(rest, family == family_ipv4_stream   ? ipv4_bytes
                               : family == family_ipv6_stream ? ipv6_bytes
                                                              : 0);
    while (next_tlv(&rest, &type, &value)) {
        if (type == tlv_ssl)
            header->tls_version = read_ssl(value);
        else if (type == tlv_authority)
            header->server_name = plain_text(value);
    }
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
    if ((command & 0x0F) == command_local)
        return OD_HTTP_DONE;
    if (!read_address(header, family, rest))
        return refuse(header, "the PROXY header is too short for its addresses");
    if (header->has_address || family == family_unspecified)
        read_tlvs(header, family, rest);
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

static void put_u16(struct od_bytes *out, size_t value)
{
    od_bytes_put_u8(out, (uint8_t)(value >> 8));
    od_bytes_put_u8(out, (uint8_t)value);
}

static void put_tlv(struct od_bytes *out, uint8_t type, od_slice value)
{
    od_bytes_put_u8(out, type);
    put_u16(out, value.size);
    od_bytes_put_slice(out, value);
}

void od_proxy_header_put_tls(struct od_bytes *out, od_slice tls_version, od_slice server_name)
{
    static const char checked[4] = {0, 0, 0, 1}; // Nobody has shown a certificate of its own.
    OD_ASSERT(tls_version.size > 0);
    OD_ASSERT(tls_version.size <= text_bytes_max);
    OD_ASSERT(server_name.size <= text_bytes_max);
    size_t ssl = ssl_bytes + tlv_bytes + tls_version.size;
    od_bytes_put(out, signature, sizeof signature);
    od_bytes_put_u8(out, version_2 | command_proxy);
    od_bytes_put_u8(out, family_unspecified);
    put_u16(out, tlv_bytes + ssl + tlv_bytes + server_name.size);
    od_bytes_put_u8(out, tlv_ssl);
    put_u16(out, ssl);
    od_bytes_put_u8(out, ssl_client);
    od_bytes_put(out, checked, sizeof checked);
    put_tlv(out, tlv_ssl_version, tls_version);
    put_tlv(out, tlv_authority, server_name);
}
