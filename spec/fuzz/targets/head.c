// A request head: whole and grown piece by piece it is the same, and what is accepted can be told.

#include "fuzz.h"

#include "codec/forwarded.h"
#include "codec/handshake.h"
#include "link/request.h"

static void tell(const struct od_http_head *head)
{
    struct od_bytes message = {0};
    struct od_request request;
    od_http_head_put_request(head, OD_SLICE("192.0.2.1"), (od_slice){0}, &message);
    OD_ASSERT(od_request_read(od_bytes_slice(&message), &request));
    OD_ASSERT(od_slice_equal(request.method, head->method));
    od_request_target(request.url);
    od_bytes_deinit(&message);
}

static void shake_hands(const struct od_http_head *head)
{
    struct od_handshake handshake;
    struct od_http_fault fault;
    if (head->wants_websocket && od_handshake_read(&handshake, head, &fault))
        od_handshake_deinit(&handshake);
}

static void forward(const struct od_http_head *head)
{
    struct od_networks trusted = {.count = 0};
    struct od_error err;
    char text[INET6_ADDRSTRLEN];
    OD_ASSERT(od_networks_parse("192.0.2.0/24,10.0.0.0/8,fd00::/8", &trusted, &err));
    struct in6_addr address;
    od_slice peer = od_forwarded_peer(head, &trusted, OD_SLICE("192.0.2.1"), text);
    OD_ASSERT(od_networks_read_address(peer, &address));
}

static enum od_http_outcome parse_grown(const uint8_t *data, size_t size, size_t step,
                                        struct od_http_head *head, size_t *needed)
{
    enum od_http_outcome outcome = OD_HTTP_MORE;
    od_http_head_init(head);
    for (size_t end = step; outcome == OD_HTTP_MORE; end += step) {
        *needed = end < size ? end : size;
        char *copy = fuzz_copy(data, *needed);
        outcome = od_http_head_parse(head, copy, *needed);
        free(copy);
        if (*needed == size)
            break;
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step = (size_t)fuzz_choice(&data, &size) + 1, needed;
    struct od_http_head whole, grown;
    char *copy = fuzz_copy(data, size);
    od_http_head_init(&whole);
    enum od_http_outcome outcome = od_http_head_parse(&whole, copy, size);
    enum od_http_outcome again = parse_grown(data, size, step, &grown, &needed);
    OD_ASSERT(again == outcome);
    if (outcome == OD_HTTP_BAD)
        OD_ASSERT(whole.fault.status >= 400 && grown.fault.status == whole.fault.status);
    if (outcome == OD_HTTP_DONE) {
        OD_ASSERT(grown.bytes == whole.bytes && whole.bytes <= size);
        OD_ASSERT(grown.is_chunked == whole.is_chunked);
        OD_ASSERT(grown.content_length == whole.content_length);
        OD_ASSERT(!whole.is_chunked || whole.content_length == 0);
        tell(&whole);
        shake_hands(&whole);
        forward(&whole);
    }
    free(copy);
    return 0;
}
