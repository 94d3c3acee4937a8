#include "codec/forwarded.h"

#include <string.h>

// Some proxies write a port as well: "192.0.2.1:4711", "[2001:db8::1]:4711".
static od_slice without_port(od_slice member)
{
    OD_ASSERT(member.size > 0); // Lists have no empty members.
    const char *colon = memchr(member.at, ':', member.size);
    if (member.at[0] == '[') {
        const char *end = memchr(member.at, ']', member.size);
        return end == NULL ? member : (od_slice){member.at + 1, (size_t)(end - member.at - 1)};
    }
    bool is_ipv4 = colon != NULL && memchr(member.at, '.', (size_t)(colon - member.at)) != NULL;
    return is_ipv4 ? (od_slice){member.at, (size_t)(colon - member.at)} : member;
}

struct walk {
    const struct od_networks *trusted;
    struct in6_addr client;
    bool has_client; // Written by somebody who is trusted, if all behind it are.
};

// From front to end, so the last one who is not trusted stays. Behind something that is no address
// it begins anew: nobody knows who wrote what stands before.
static void step(struct walk *walk, od_slice member)
{
    struct in6_addr address;
    if (!od_networks_read_address(without_port(member), &address)) {
        walk->has_client = false;
        return;
    }
    if (walk->has_client && od_networks_have(walk->trusted, &address))
        return;
    walk->client = address;
    walk->has_client = true;
}

static bool is_trusted(const struct od_networks *trusted, od_slice peer)
{
    struct in6_addr address;
    return od_networks_read_address(peer, &address) && od_networks_have(trusted, &address);
}

// Of "for=192.0.2.1;proto=https;by=...". False: it says nothing of it.
static bool find_proto(od_slice element, od_slice *proto)
{
    od_slice name = OD_SLICE("proto=");
    while (element.size > 0) {
        const char *end = memchr(element.at, ';', element.size);
        size_t size = end == NULL ? element.size : (size_t)(end - element.at);
        od_slice pair = od_http_trim((od_slice){element.at, size});
        element = od_slice_from(element, end == NULL ? size : size + 1);
        if (pair.size > name.size && od_slice_equal_nocase((od_slice){pair.at, name.size}, name)) {
            *proto = od_slice_from(pair, name.size);
            return true;
        }
    }
    return false;
}

bool od_forwarded_is_https(const struct od_http_head *head, const struct od_networks *trusted,
                           od_slice peer)
{
    od_slice proto = {NULL, 0};
    struct od_header header;
    if (!is_trusted(trusted, peer))
        return false;
    for (od_slice rest = head->headers; od_http_headers_next(&rest, &header);) {
        bool is_plain = od_slice_equal_nocase(header.name, OD_SLICE("x-forwarded-proto"));
        if (!is_plain && !od_slice_equal_nocase(header.name, OD_SLICE("forwarded")))
            continue;
        for (od_slice list = header.value, member; od_http_list_next(&list, &member);) {
            if (is_plain)
                proto = member;
            else
                (void)find_proto(member, &proto);
        }
    }
    return od_slice_equal_nocase(proto, OD_SLICE("https")) ||
           od_slice_equal_nocase(proto, OD_SLICE("\"https\""));
}

od_slice od_forwarded_peer(const struct od_http_head *head, const struct od_networks *trusted,
                           od_slice peer, char text[INET6_ADDRSTRLEN])
{
    struct walk walk = {.trusted = trusted};
    struct od_header header;
    if (!is_trusted(trusted, peer))
        return peer;
    for (od_slice rest = head->headers; od_http_headers_next(&rest, &header);) {
        if (!od_slice_equal_nocase(header.name, OD_SLICE("x-forwarded-for")))
            continue;
        for (od_slice list = header.value, member; od_http_list_next(&list, &member);)
            step(&walk, member);
    }
    if (!walk.has_client)
        return peer;
    od_networks_print(&walk.client, text);
    return od_slice_of(text);
}
