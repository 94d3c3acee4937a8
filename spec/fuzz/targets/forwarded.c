// What proxies and browsers say of a request: for whom, by what, from which page, to which host.

#include "fuzz.h"

#include "codec/forwarded.h"
#include "link/origin.h"

static void forward(od_slice text)
{
    struct od_http_head head;
    struct od_networks trusted = {.count = 0};
    struct od_error err;
    char printed[INET6_ADDRSTRLEN];
    struct in6_addr address;
    od_http_head_init(&head);
    if (od_http_head_parse(&head, text.at, text.size) != OD_HTTP_DONE)
        return;
    OD_ASSERT(od_networks_parse("192.0.2.0/24,10.0.0.0/8,fd00::/8", &trusted, &err));
    od_slice peer = od_forwarded_peer(&head, &trusted, OD_SLICE("192.0.2.1"), printed);
    OD_ASSERT(od_networks_read_address(peer, &address));
    (void)od_forwarded_is_https(&head, &trusted, OD_SLICE("192.0.2.1"));
    OD_ASSERT(!od_forwarded_is_https(&head, &trusted, OD_SLICE("198.51.100.1")));
    peer = od_forwarded_peer(&head, &trusted, OD_SLICE("198.51.100.1"), printed);
    OD_ASSERT(od_slice_equal(peer, OD_SLICE("198.51.100.1")));
}

static void forward_values(const char *at, size_t size)
{
    struct od_bytes text = {0};
    od_bytes_put_slice(&text, OD_SLICE("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: "));
    od_bytes_put(&text, at, size);
    od_bytes_put_slice(&text, OD_SLICE("\r\nForwarded: "));
    od_bytes_put(&text, at, size);
    od_bytes_put_slice(&text, OD_SLICE("\r\nX-Forwarded-Proto: "));
    od_bytes_put(&text, at, size);
    od_bytes_put_slice(&text, OD_SLICE("\r\n\r\n"));
    forward(od_bytes_slice(&text));
    od_bytes_deinit(&text);
}

// [list] as an operator writes it, [host] and [origin] as a stranger does.
static void compare_hosts(const char *list, od_slice host, od_slice origin)
{
    struct od_error err;
    if (od_origin_check_hosts(list, &err))
        (void)od_origin_host_is_allowed(host, od_slice_of(list));
    if (od_origin_check_list(list, &err))
        (void)od_origin_is_allowed(origin, host, od_slice_of(list));
    (void)od_origin_host_is_allowed(host, (od_slice){0});
    OD_ASSERT(od_origin_host_is_allowed(host, OD_SLICE("*")) || host.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t cut = fuzz_choice(&data, &size);
    cut = cut < size ? cut : size;
    char *list = fuzz_text(data, cut), *copy = fuzz_copy(data + cut, size - cut);
    od_slice rest = {copy, size - cut};
    forward_values(copy, rest.size);
    compare_hosts(list, rest, rest);
    compare_hosts(list, od_slice_of(list), rest);
    free(list);
    free(copy);
    return 0;
}
