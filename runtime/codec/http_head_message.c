// A request head as a message for an object: the second half of http_head.h.

#include "codec/http_head.h"

#include "link/request.h"

enum {
    usual_bytes = 256 // Method, scheme, address, TLS, lengths.
};

// Behind the transfer, nobody may act on these a second time.
static bool is_dealt_with(od_slice name)
{
    return od_slice_equal_nocase(name, OD_SLICE("transfer-encoding")) ||
           od_slice_equal_nocase(name, OD_SLICE("expect"));
}

static void put_lower_case(od_slice name, struct od_bytes *out)
{
    od_bytes_put_u32(out, (uint32_t)name.size);
    char *place = od_bytes_reserve(out, name.size);
    for (size_t i = 0; i < name.size; i++) {
        bool is_upper = name.at[i] >= 'A' && name.at[i] <= 'Z';
        place[i] = (char)(is_upper ? name.at[i] + ('a' - 'A') : name.at[i]);
    }
    out->size += name.size;
}

static uint32_t put_headers(const struct od_http_head *head, struct od_bytes *out)
{
    uint32_t count = 0;
    struct od_header header;
    for (od_slice rest = head->headers; od_http_headers_next(&rest, &header);) {
        if (is_dealt_with(header.name))
            continue;
        bool is_host = od_slice_equal_nocase(header.name, OD_SLICE("host"));
        put_lower_case(header.name, out);
        od_bytes_put_string(out, is_host ? head->host : header.value);
        count++;
    }
    return count;
}

void od_http_head_put_request(const struct od_http_head *head, od_slice peer, od_slice body,
                              struct od_bytes *out)
{
    OD_ASSERT(head->target.size > 0);
    bool has_path = head->target.at[0] == '/';
    od_slice url[] = {head->is_https ? OD_SLICE("https://") : OD_SLICE("http://"),
                      head->host.size > 0 ? head->host : OD_SLICE("localhost"),
                      has_path ? OD_SLICE("") : OD_SLICE("/"), // For "*".
                      head->target};
    // In most cases that is all of it, so that it grows once.
    (void)od_bytes_reserve(out, head->headers.size + head->host.size + head->target.size +
                                    body.size + usual_bytes);
    size_t mark = od_request_begin(out, head->method, url, 4, peer, head->tls);
    od_request_end(out, mark, put_headers(head, out), body);
}
