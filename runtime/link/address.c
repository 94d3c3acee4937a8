#include "link/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"

static bool parse_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return false;
    unsigned long number = strtoul(text, NULL, 10);
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

// The host in front of the last colon. An IPv6 address has colons of its own, hence its brackets.
static bool take_host(const char *text, const char *colon, od_slice *host)
{
    size_t size = (size_t)(colon - text);
    OD_ASSERT(colon >= text);
    if (size >= 2 && text[0] == '[' && colon[-1] == ']') {
        *host = (od_slice){text + 1, size - 2};
        return host->size > 0;
    }
    *host = (od_slice){text, size};
    return memchr(text, ':', size) == NULL && memchr(text, '[', size) == NULL;
}

bool od_address_parse(const char *text, struct od_address *address, struct od_error *err)
{
    const char *colon = strrchr(text, ':');
    od_slice host;
    if (colon == NULL || !parse_port(colon + 1, &address->port) || !take_host(text, colon, &host))
        return od_error_set(err, "expected HOST:PORT, like 127.0.0.1:8787, [::1]:8787 or :8787 for "
                                 "every address, with a port up to 65535");
    if (host.size > OD_HOST_BYTES_MAX)
        return od_error_set(err, "the host is longer than %d bytes", OD_HOST_BYTES_MAX);
    memcpy(address->host, host.at, host.size);
    address->host[host.size] = '\0';
    return true;
}

bool od_address_is_loopback(const struct od_address *address)
{
    const char *host = address->host;
    struct in_addr v4;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 && inet_pton(AF_INET, host, &v4) == 1);
}
