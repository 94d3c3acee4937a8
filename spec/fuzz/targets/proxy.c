// Who a connection is from and for: the PROXY header, networks and origins.

#include "fuzz.h"

#include "codec/proxy_header.h"
#include "link/networks.h"
#include "link/origin.h"
#include "net/limits.h"

static void read_header(od_slice all)
{
    struct od_proxy_header header;
    enum od_http_outcome outcome = od_proxy_header_parse(&header, all);
    OD_ASSERT(outcome != OD_HTTP_DONE || header.bytes <= all.size);
    OD_ASSERT(outcome != OD_HTTP_MORE || all.size < OD_PROXY_HEADER_BYTES_MAX);
    if (outcome != OD_HTTP_DONE || header.tls_version.size == 0)
        return;
    struct od_proxy_header again;
    struct od_bytes bytes = {0};
    od_proxy_header_put_tls(&bytes, header.tls_version, header.server_name);
    outcome = od_proxy_header_parse(&again, od_bytes_slice(&bytes));
    OD_ASSERT(outcome == OD_HTTP_DONE);
    OD_ASSERT(again.bytes == bytes.size);
    OD_ASSERT(od_slice_equal(again.tls_version, header.tls_version));
    OD_ASSERT(od_slice_equal(again.server_name, header.server_name));
    od_bytes_deinit(&bytes);
}

static void read_networks(od_slice text, const char *terminated)
{
    struct od_networks networks = {.count = 0};
    struct od_error err;
    struct in6_addr address;
    char printed[INET6_ADDRSTRLEN];
    if (od_networks_parse(terminated, &networks, &err) && networks.count > 0)
        OD_ASSERT(od_networks_have(&networks, &networks.at[0].address));
    if (!od_networks_read_address(text, &address))
        return;
    struct in6_addr again;
    od_networks_print(&address, printed);
    OD_ASSERT(od_networks_read_address(od_slice_of(printed), &again));
    OD_ASSERT(memcmp(&address, &again, sizeof address) == 0);
}

static void read_origin(od_slice text, const char *terminated)
{
    struct od_error err;
    if (!od_origin_check_list(terminated, &err))
        return;
    od_slice list = od_slice_of(terminated);
    od_origin_is_allowed(text, text, list);
    OD_ASSERT(!od_origin_is_allowed(OD_SLICE("null"), OD_SLICE("host"), (od_slice){0}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size), *terminated = fuzz_text(data, size);
    od_slice text = {copy, size};
    read_header(text);
    read_networks(text, terminated);
    read_origin(text, terminated);
    free(terminated);
    free(copy);
    return 0;
}
