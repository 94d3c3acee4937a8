#include "link/origin.h"

#include <string.h>

// The host of "scheme://host:port" or "host:port", without port; brackets of IPv6 stay.
static od_slice host_of(od_slice text)
{
    const char *scheme = text.size == 0 ? NULL : memmem(text.at, text.size, "://", 3);
    if (scheme != NULL)
        text = od_slice_from(text, (size_t)(scheme - text.at) + 3);
    size_t size = 0;
    bool is_bracketed = false;
    for (; size < text.size && (is_bracketed || text.at[size] != ':'); size++)
        is_bracketed = text.at[size] == '[' || (is_bracketed && text.at[size] != ']');
    return (od_slice){text.at, size};
}

static bool is_loopback(od_slice host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (od_slice_equal_nocase(host, od_slice_of(names[i])))
            return true;
    }
    return false;
}

static bool is_same_host(od_slice origin, od_slice host)
{
    od_slice from = host_of(origin), to = host_of(host);
    if (from.size == 0 || memmem(origin.at, origin.size, "://", 3) == NULL) // "null", mostly.
        return false;
    return od_slice_equal_nocase(from, to) || (is_loopback(from) && is_loopback(to));
}

static bool next_word(od_slice *rest, od_slice *word)
{
    if (rest->size == 0)
        return false;
    const char *comma = memchr(rest->at, ',', rest->size);
    size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->at);
    *word = (od_slice){rest->at, size};
    *rest = od_slice_from(*rest, comma == NULL ? size : size + 1);
    return true;
}

bool od_origin_is_allowed(od_slice origin, od_slice host, od_slice allowed)
{
    od_slice word;
    while (next_word(&allowed, &word)) {
        if (od_slice_equal(word, OD_SLICE("*")) || od_slice_equal_nocase(word, origin))
            return true;
    }
    return is_same_host(origin, host);
}

// By name; of a browser, whatever ends with a number is an IPv4 address.
static bool is_address(od_slice host)
{
    size_t digits = 0;
    while (digits < host.size && host.at[host.size - 1 - digits] >= '0' &&
           host.at[host.size - 1 - digits] <= '9')
        digits++;
    bool is_last_label = digits == host.size || host.at[host.size - 1 - digits] == '.';
    return (host.size > 0 && host.at[0] == '[') || (digits > 0 && is_last_label);
}

static bool is_localhost(od_slice host)
{
    static const od_slice name = {"localhost", 9};
    if (host.size <= name.size)
        return od_slice_equal_nocase(host, name);
    od_slice end = od_slice_from(host, host.size - name.size);
    return od_slice_equal_nocase(end, name) && host.at[host.size - name.size - 1] == '.';
}

bool od_origin_host_is_allowed(od_slice host, od_slice allowed)
{
    od_slice word, name = host_of(host);
    while (next_word(&allowed, &word)) {
        if (od_slice_equal(word, OD_SLICE("*")) || od_slice_equal_nocase(word, name))
            return true;
    }
    return is_localhost(name) || is_address(name);
}

bool od_origin_check_hosts(const char *text, struct od_error *err)
{
    od_slice rest = od_slice_of(text), word;
    while (next_word(&rest, &word)) {
        if (word.size == 0 || strcspn(word.at, ":/ ") < word.size)
            return od_error_set(err,
                                "'%.*s' is no name of a host; expected some like "
                                "chat.example,www.chat.example, or * for all",
                                (int)word.size, word.at);
    }
    return true;
}

static bool is_origin(od_slice word)
{
    const char *scheme = word.size == 0 ? NULL : memmem(word.at, word.size, "://", 3);
    if (od_slice_equal(word, OD_SLICE("*")) || od_slice_equal(word, OD_SLICE("null")))
        return true;
    if (scheme == NULL || scheme == word.at)
        return false;
    od_slice rest = od_slice_from(word, (size_t)(scheme - word.at) + 3);
    return rest.size > 0 && memchr(rest.at, '/', rest.size) == NULL;
}

bool od_origin_check_list(const char *text, struct od_error *err)
{
    od_slice rest = od_slice_of(text), word;
    while (next_word(&rest, &word)) {
        if (!is_origin(word))
            return od_error_set(err,
                                "'%.*s' is no origin; expected some like "
                                "https://a.example,http://b.example:8080, or * for all",
                                (int)word.size, word.at);
    }
    return true;
}
